// Package seed makes the disk from which cloud-init learns about its machine:
// the NoCloud data source, an ISO 9660 volume called cidata. It is pure: the
// same Data is the same bytes, and nothing is written anywhere, so that
// passwords and user data never lie in a file of this machine.
package seed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Data is what the guest is told.
type Data struct {
	// InstanceID makes cloud-init do first-boot work again when it changes.
	InstanceID string
	Login      *pb.Login
	// Vendor is what cloud-init runs beside the user's own data, which stay as they
	// are; nil: nothing.
	Vendor []byte
}

// Image is the disk's bytes.
func Image(d Data) ([]byte, error) {
	meta, err := metaData(d)
	if err != nil {
		return nil, err
	}
	user, err := userData(d.Login)
	if err != nil {
		return nil, err
	}
	files := []file{{"meta-data", meta}, {"user-data", user}}
	if d.Vendor != nil {
		files = append(files, file{"vendor-data", d.Vendor})
	}
	return volume("cidata", files)
}

// metaData is JSON, which cloud-init reads as the YAML that it is.
func metaData(d Data) ([]byte, error) {
	meta := map[string]any{"instance-id": d.InstanceID}
	if h := d.Login.GetHostname(); h != "" {
		meta["local-hostname"] = h
	}
	if keys := d.Login.GetSshKeys(); len(keys) > 0 {
		meta["public-keys"] = keys
	}
	return encode(meta)
}

// userData is the caller's own where there is any; together with a user to be
// made it becomes the second part of a multipart document whose first part
// makes the user.
func userData(l *pb.Login) ([]byte, error) {
	cfg, err := cloudConfig(l)
	if err != nil {
		return nil, err
	}
	own := l.GetUserData()
	switch {
	case len(own) == 0:
		return cfg, nil
	case l.GetUsername() == "" && len(l.GetPassword()) == 0:
		// Hostname and keys are in the meta data already: nothing to add.
		return own, nil
	}
	return parts(cfg, own)
}

func cloudConfig(l *pb.Login) ([]byte, error) {
	cfg := map[string]any{"preserve_hostname": false}
	if h := l.GetHostname(); h != "" {
		cfg["hostname"] = h
	}
	if len(l.GetSshKeys()) > 0 {
		cfg["ssh_authorized_keys"] = l.GetSshKeys()
	}
	if name := l.GetUsername(); name != "" {
		user := map[string]any{
			"name": name, "shell": "/bin/bash", "lock_passwd": len(l.GetPassword()) == 0,
			"sudo": "ALL=(ALL) NOPASSWD:ALL", "groups": []string{"sudo", "adm"},
		}
		if len(l.GetSshKeys()) > 0 {
			user["ssh_authorized_keys"] = l.GetSshKeys()
		}
		cfg["users"] = []any{user}
	}
	if password := l.GetPassword(); len(password) > 0 {
		cfg["ssh_pwauth"] = true
		if name := l.GetUsername(); name != "" {
			cfg["chpasswd"] = map[string]any{"expire": false, "users": []any{
				map[string]any{"name": name, "password": string(password), "type": "text"},
			}}
		} else {
			cfg["password"] = string(password)
			cfg["chpasswd"] = map[string]any{"expire": false}
		}
	}
	b, err := encode(cfg)
	if err != nil {
		return nil, err
	}
	return append([]byte("#cloud-config\n"), b...), nil
}

// encode is JSON without HTML escapes: keys and passwords stay readable as
// YAML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode seed: %w", err)
	}
	return b.Bytes(), nil
}

// kind is the MIME type that cloud-init gives user data by its first line.
func kind(data []byte) string {
	first, _, _ := strings.Cut(string(data[:min(len(data), 256)]), "\n")
	first = strings.TrimSpace(first)
	for prefix, mime := range map[string]string{
		"#cloud-config":         "text/cloud-config",
		"#!":                    "text/x-shellscript",
		"#cloud-boothook":       "text/cloud-boothook",
		"#include-once":         "text/x-include-once-url",
		"#include":              "text/x-include-url",
		"#part-handler":         "text/part-handler",
		"## template: jinja":    "text/jinja2",
		"#cloud-config-archive": "text/cloud-config-archive",
	} {
		if first == prefix || (prefix == "#!" && strings.HasPrefix(first, prefix)) {
			return mime
		}
	}
	return ""
}
