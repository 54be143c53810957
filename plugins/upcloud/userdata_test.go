package upcloud

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// User data is sent as it is where it can be, and arrives whole where it cannot.
func TestUserData(t *testing.T) {
	cfg := "#cloud-config\n"
	for _, c := range []struct {
		name  string
		login *pb.Login
		// asItIs: what is sent is the user's own data; else parts are of these types.
		asItIs bool
		parts  []string
	}{
		{"nothing", nil, true, nil},
		{"a script", &pb.Login{UserData: []byte("#!/bin/sh\necho <&>\n")}, true, nil},
		{"keys go elsewhere", &pb.Login{Username: "ann", SshKeys: []string{"k"}, UserData: []byte(cfg)}, true, nil},
		{"an address", &pb.Login{UserData: []byte("https://example.com/x")}, false, []string{"text/plain"}},
		{"no text", &pb.Login{UserData: []byte{0x1f, 0x8b, 0xff}}, false, []string{"text/plain"}},
		{"a password and data", &pb.Login{Password: []byte("p"), UserData: []byte("#!/bin/sh\n")}, false, []string{"text/cloud-config", "text/x-shellscript"}},
		{"a password and a configuration", &pb.Login{Password: []byte("p"), UserData: []byte(cfg)}, false, []string{"text/cloud-config", "text/cloud-config"}},
		{"a password and an archive", &pb.Login{Password: []byte("p"), UserData: []byte("#cloud-config-archive\n")}, false, []string{"text/cloud-config", "text/cloud-config-archive"}},
		{"a password and a hook", &pb.Login{Password: []byte("p"), UserData: []byte("#cloud-boothook\n")}, false, []string{"text/cloud-config", "text/cloud-boothook"}},
		{"a password and an include", &pb.Login{Password: []byte("p"), UserData: []byte("#include\n")}, false, []string{"text/cloud-config", "text/x-include-url"}},
		{"a password and a template", &pb.Login{Password: []byte("p"), UserData: []byte("## template: jinja\n")}, false, []string{"text/cloud-config", "text/jinja2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := userData(c.login)
			if err != nil {
				t.Fatal(err)
			}
			if c.asItIs {
				if text != string(c.login.GetUserData()) {
					t.Errorf("%q", text)
				}
				return
			}
			kinds, last := mimeParts(t, text)
			if !slices.Equal(kinds, c.parts) || !bytes.Equal(last, c.login.GetUserData()) {
				t.Errorf("parts %v, want %v; the last is %q", kinds, c.parts, last)
			}
		})
	}
}

func mimeParts(t *testing.T, text string) (kinds []string, last []byte) {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err != nil {
			return kinds, last
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
		if last, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, part)); err != nil {
			t.Fatal(err)
		}
	}
}

// A password makes the user that it is of.
func TestPassword(t *testing.T) {
	for _, user := range []string{"ann", ""} {
		text, err := userData(&pb.Login{Username: user, Password: []byte(`a: "b" <c>`), SshKeys: []string{"ssh-ed25519 AAAA"}})
		if err != nil || !strings.HasPrefix(text, "#cloud-config\n") {
			t.Fatalf("%q, %v", text, err)
		}
		var doc struct {
			Users []struct {
				Name string
				Keys []string `yaml:"ssh_authorized_keys"`
			}
			PwAuth   bool `yaml:"ssh_pwauth"`
			Chpasswd struct {
				Expire bool
				Users  []struct{ Name, Password, Type string }
			}
		}
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		name := user
		if user == "" {
			name = "root"
		} else if len(doc.Users) != 1 || doc.Users[0].Name != user || len(doc.Users[0].Keys) != 1 {
			t.Errorf("users %v", doc.Users)
		}
		if p := doc.Chpasswd.Users; len(p) != 1 || p[0].Name != name || p[0].Password != `a: "b" <c>` || doc.Chpasswd.Expire || !doc.PwAuth {
			t.Errorf("chpasswd %+v", doc.Chpasswd)
		}
	}
}

// What does not fit is refused before anything is sent.
func TestUserDataTooLarge(t *testing.T) {
	data := bytes.Repeat([]byte("x"), sdk.MaxUserDataBytes)
	if _, err := userData(&pb.Login{UserData: data}); err != nil {
		t.Errorf("as it is: %v", err)
	}
	if _, err := userData(&pb.Login{UserData: data, Password: []byte("p")}); sdk.KindOf(err) != sdk.Invalid {
		t.Errorf("with a password: %v, want Invalid", err)
	}
}
