package upcloud

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// userData is what the server's metadata service gives to cloud-init. Hostname,
// user and keys go in fields of the request, and the user's own data is sent as it
// is. What the API would take for something else, and a password, which it has no
// field for, make it a multipart document.
func userData(l *pb.Login) (string, error) {
	own := l.GetUserData()
	if len(l.GetPassword()) == 0 && utf8.Valid(own) && !isAddress(own) {
		return string(own), nil
	}
	var cfg []byte
	if len(l.GetPassword()) > 0 {
		var err error
		if cfg, err = passwordConfig(l); err != nil {
			return "", err
		}
		if len(own) == 0 {
			return string(cfg), nil
		}
	}
	doc, err := parts(cfg, own)
	if err == nil && len(doc) > sdk.MaxUserDataBytes {
		err = &sdk.Error{Kind: sdk.Invalid, Op: "create server", Source: sdk.SourcePlugin, Faults: []sdk.Fault{{
			Path: "login.user_data", Have: fmt.Sprintf("%d bytes as they are sent", len(doc)), Want: fmt.Sprintf("at most %d", sdk.MaxUserDataBytes),
			Text: "UpCloud takes less beside a password, or of data that is no text: they are sent in base64",
		}}}
	}
	return string(doc), err
}

// passwordConfig makes a cloud-config that sets the password, and the user that it
// is of: who comes after UpCloud's own configuration replaces its list of users.
func passwordConfig(l *pb.Login) ([]byte, error) {
	name, cfg := l.GetUsername(), map[string]any{"ssh_pwauth": true}
	if name == "" || name == rootUser {
		name = rootUser
		cfg["disable_root"] = false
	} else {
		user := map[string]any{
			"name": name, "shell": "/bin/bash", "lock_passwd": false, "sudo": "ALL=(ALL) NOPASSWD:ALL", "groups": []string{"sudo", "adm"},
		}
		if keys := l.GetSshKeys(); len(keys) > 0 {
			user["ssh_authorized_keys"] = keys
		}
		cfg["users"] = []any{user}
	}
	cfg["chpasswd"] = map[string]any{"expire": false, "users": []any{
		map[string]any{"name": name, "password": string(l.GetPassword()), "type": "text"},
	}}
	var b bytes.Buffer
	b.WriteString("#cloud-config\n")
	enc := json.NewEncoder(&b) // JSON is YAML
	enc.SetEscapeHTML(false)
	if err := enc.Encode(cfg); err != nil {
		return nil, fmt.Errorf("encode user data: %w", err)
	}
	return b.Bytes(), nil
}

// rootUser is who logs in where no user is named.
const rootUser = "root"

// joinBy has cloud-init add the lists of the second document to those of the
// first rather than replace them.
const joinBy = "list(append)+dict(no_replace,recurse_list)+str()"

// parts is the multipart document of a configuration, if there is one, and the
// user's own data, in base64, so that its every byte survives.
func parts(cfg, own []byte) ([]byte, error) {
	sum := sha256.Sum256(append(bytes.Clone(cfg), own...))
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := w.SetBoundary("meson-" + hex.EncodeToString(sum[:12]))
	add := func(kind, merge string, data []byte) {
		header := textproto.MIMEHeader{
			"Content-Type": {kind + "; charset=\"utf-8\""}, "Content-Transfer-Encoding": {"base64"}, "Mime-Version": {"1.0"},
		}
		if merge != "" {
			header.Set("X-Merge-Type", merge)
		}
		var part io.Writer
		if err == nil {
			part, err = w.CreatePart(header)
		}
		for text := base64.StdEncoding.EncodeToString(data); err == nil && text != ""; {
			n := min(len(text), 76)
			_, err = io.WriteString(part, text[:n]+"\r\n")
			text = text[n:]
		}
	}
	if len(cfg) > 0 {
		add("text/cloud-config", "", cfg)
	}
	add(kindOf(own), joinBy, own)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encode user data: %w", err)
	}
	head := fmt.Sprintf("Content-Type: multipart/mixed; boundary=%q\nMIME-Version: 1.0\n\n", w.Boundary())
	return append([]byte(head), body.Bytes()...), nil
}

// kindOf is the type that cloud-init gives user data by its first line; whole
// archives and gzip it knows by themselves as text/plain.
func kindOf(own []byte) string {
	first, _, _ := strings.Cut(string(own[:min(len(own), 256)]), "\n")
	first = strings.TrimSpace(first)
	if strings.HasPrefix(first, "#!") {
		return "text/x-shellscript"
	}
	switch first {
	case "#cloud-config":
		return "text/cloud-config"
	case "#cloud-config-archive":
		return "text/cloud-config-archive"
	case "#cloud-boothook":
		return "text/cloud-boothook"
	case "#include":
		return "text/x-include-url"
	case "#include-once":
		return "text/x-include-once-url"
	case "#part-handler":
		return "text/part-handler"
	case "## template: jinja":
		return "text/jinja2"
	}
	return "text/plain"
}

// isAddress reports whether UpCloud would take data for the address of the data.
func isAddress(own []byte) bool {
	text := strings.ToLower(strings.TrimSpace(string(own[:min(len(own), 4096)])))
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}
