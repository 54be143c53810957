package seed

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kdomanski/iso9660"
	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/sdk/pb"
)

// files reads a seed with a reader that has nothing in common with the writer.
func files(t *testing.T, image []byte) map[string]string {
	t.Helper()
	iso, err := iso9660.OpenImage(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	label, err := iso.Label()
	if err != nil || label != "cidata" {
		t.Errorf("label %q, %v; want cidata", label, err)
	}
	root, err := iso.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range children {
		content, err := io.ReadAll(c.Reader())
		if err != nil {
			t.Fatal(err)
		}
		out[c.Name()] = string(content)
	}
	return out
}

func TestImage(t *testing.T) {
	login := &pb.Login{
		Hostname: "web1", Username: "ann", Password: []byte("pass: \"word\" <&>"),
		SshKeys: []string{"ssh-ed25519 AAAA ann@home", "ssh-rsa BBBB"},
	}
	image, err := Image(Data{InstanceID: "i-1", Login: login})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Image(Data{InstanceID: "i-1", Login: login})
	if err != nil || !bytes.Equal(image, again) {
		t.Errorf("the same data is not the same bytes; %v", err)
	}
	if len(image)%sector != 0 {
		t.Errorf("%d bytes: not whole sectors", len(image))
	}
	have := files(t, image)
	var meta map[string]any
	if err := yaml.Unmarshal([]byte(have["meta-data"]), &meta); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{
		"instance-id": "i-1", "local-hostname": "web1",
		"public-keys": []any{"ssh-ed25519 AAAA ann@home", "ssh-rsa BBBB"},
	}, meta); diff != "" {
		t.Errorf("meta-data (-want +have):\n%s", diff)
	}
	if !strings.HasPrefix(have["user-data"], "#cloud-config\n") {
		t.Errorf("user-data: %s", have["user-data"])
	}
	var user struct {
		Users []struct {
			Name string
			Keys []string `yaml:"ssh_authorized_keys"`
			Lock bool     `yaml:"lock_passwd"`
		}
		Chpasswd struct {
			Users []struct{ Name, Password, Type string }
		}
	}
	if err := yaml.Unmarshal([]byte(have["user-data"]), &user); err != nil {
		t.Fatal(err)
	}
	if len(user.Users) != 1 || user.Users[0].Name != "ann" || user.Users[0].Lock || len(user.Users[0].Keys) != 2 {
		t.Errorf("users: %+v", user.Users)
	}
	if len(user.Chpasswd.Users) != 1 || user.Chpasswd.Users[0].Password != string(login.GetPassword()) {
		t.Errorf("passwords: %+v", user.Chpasswd)
	}
}

// The user's own data arrives byte for byte: alone where nothing else is to be
// said, else as the last part of a document.
func TestUserData(t *testing.T) {
	own := []byte("#!/bin/sh\necho 'ok' \xff\x00\n")
	alone, err := Image(Data{InstanceID: "i", Login: &pb.Login{Hostname: "h", SshKeys: []string{"k"}, UserData: own}})
	if err != nil {
		t.Fatal(err)
	}
	if have := files(t, alone)["user-data"]; have != string(own) {
		t.Errorf("alone: %q", have)
	}
	both, err := Image(Data{InstanceID: "i", Login: &pb.Login{Username: "ann", UserData: own}})
	if err != nil {
		t.Fatal(err)
	}
	message, err := mail.ReadMessage(strings.NewReader(files(t, both)["user-data"]))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	var kinds []string
	var last []byte
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		k, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		kinds = append(kinds, k)
		if last, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, p)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"text/cloud-config", "text/x-shellscript"}, kinds); diff != "" {
		t.Errorf("parts (-want +have):\n%s", diff)
	}
	if !bytes.Equal(last, own) {
		t.Errorf("the user's own part: %q", last)
	}
}

// What the host adds lies beside the user's data and does not touch them.
func TestVendorData(t *testing.T) {
	login := &pb.Login{Hostname: "h", UserData: []byte("#cloud-config\nmounts: [[a, /a]]\n")}
	vendor := "#!/bin/sh\nmount x\n"
	plain, err := Image(Data{InstanceID: "i", Login: login})
	if err != nil {
		t.Fatal(err)
	}
	told, err := Image(Data{InstanceID: "i", Login: login, Vendor: []byte(vendor)})
	if err != nil {
		t.Fatal(err)
	}
	want := files(t, plain)
	if _, there := want["vendor-data"]; there {
		t.Error("vendor data where there are none")
	}
	want["vendor-data"] = vendor
	if diff := cmp.Diff(want, files(t, told)); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

func TestKind(t *testing.T) {
	for data, want := range map[string]string{
		"#cloud-config\nusers: []": "text/cloud-config", "#!/bin/sh": "text/x-shellscript",
		"#include\nhttp://x": "text/x-include-url", "#cloud-config-archive\n": "text/cloud-config-archive",
		"## template: jinja\n#cloud-config": "text/jinja2", "hello": "", "": "", "#!": "text/x-shellscript",
	} {
		if have := kind([]byte(data)); have != want {
			t.Errorf("%.20q: %q, want %q", data, have, want)
		}
	}
}

// Files of every size around whole sectors keep their content.
func FuzzVolume(f *testing.F) {
	f.Add([]byte{}, []byte("x"))
	f.Add(bytes.Repeat([]byte("a"), sector), bytes.Repeat([]byte("b"), sector+1))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		image, err := volume("cidata", []file{{"meta-data", a}, {"user-data", b}})
		if err != nil {
			t.Fatal(err)
		}
		have := files(t, image)
		if have["meta-data"] != string(a) || have["user-data"] != string(b) {
			t.Errorf("%d and %d bytes became %d and %d", len(a), len(b), len(have["meta-data"]), len(have["user-data"]))
		}
	})
}

func TestVolumeRefuses(t *testing.T) {
	if _, err := volume("cidata", []file{{"user-data", make([]byte, maxFileBytes+1)}}); err == nil {
		t.Error("a file without bounds is taken")
	}
	var many []file
	for range 100 {
		many = append(many, file{name: "a-file-with-a-name"})
	}
	if _, err := volume("cidata", many); err == nil {
		t.Error("a directory without bounds is taken")
	}
}

func TestEmptyLogin(t *testing.T) {
	image, err := Image(Data{InstanceID: "i"})
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(files(t, image)["meta-data"])) {
		t.Error("meta-data is not JSON")
	}
}
