package cli

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
)

func TestReadPublicKeys(t *testing.T) {
	blob := func(kind string) string {
		raw := append([]byte{0, 0, 0, byte(len(kind))}, kind...)
		return base64.StdEncoding.EncodeToString(append(raw, make([]byte, 36)...))
	}
	good := "ssh-ed25519 " + blob("ssh-ed25519")
	for _, c := range []struct {
		name, text string
		keys       int
	}{
		{"one", good + "\n", 1},
		{"with comment", good + " me@here\n", 1},
		{"several", "# mine\n" + good + "\n\r\n\n" + good + " two\n", 2},
		{"security key", "sk-ssh-ed25519@openssh.com " + blob("sk-ssh-ed25519@openssh.com"), 1},
		{"type and key differ", "ssh-rsa " + blob("ssh-ed25519"), 0},
		{"not base64", "ssh-rsa SECRETSECRET!", 0},
		{"escape in the comment", good + " \x1b[2JSECRET", 0},
		{"private", "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n", 0},
		{"putty", "PuTTY-User-Key-File-3: ssh-ed25519\nSECRET", 0},
		{"password", "SECRET", 0},
		{"too long", strings.Repeat("S", maxKeyFile+1), 0},
		{"empty", "", 0},
	} {
		name := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := readPublicKeys(name)
		if len(keys) != c.keys || (err == nil) != (c.keys > 0) {
			t.Errorf("%s: %d keys, error %v, want %d", c.name, len(keys), err, c.keys)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error shows the file: %v", c.name, err)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "a=b,c": "a=b,c", "$(rm)": "'$(rm)'", "a\nb": "'a\nb'",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestUserDataLimit: user data may be as long in a spec as in a file beside it.
func TestUserDataLimit(t *testing.T) {
	for _, c := range []struct {
		name     string
		size     int
		ok       bool
		fromFile bool
	}{
		{"spec", core.MaxUserDataBytes, true, false},
		{"spec, one more", core.MaxUserDataBytes + 1, false, false},
		{"file", core.MaxUserDataBytes, true, true},
		{"file, one more", core.MaxUserDataBytes + 1, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := testApp(t)
			dir, data := t.TempDir(), strings.Repeat("x", c.size)
			spec, f := "{}", deployFlags{cheapest: true, wait: "running"}
			f.market.horizon = "month"
			if c.fromFile {
				f.userData = filepath.Join(dir, "user-data")
			} else {
				spec = `{"user_data": "` + data + `"}`
			}
			for name, text := range map[string]string{"spec.json": spec, "user-data": data} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			req, err := a.deployRequest(t.Context(), filepath.Join(dir, "spec.json"), f)
			if c.ok && (err != nil || len(req.Pledge.UserData.Reveal()) != c.size) {
				t.Errorf("%d bytes, %v", len(req.Pledge.UserData.Reveal()), err)
			}
			if !c.ok && (core.KindOf(err) != core.Invalid || !strings.Contains(err.Error(), "64 KiB")) {
				t.Errorf("%v: want it refused with the limit", err)
			}
		})
	}
}
