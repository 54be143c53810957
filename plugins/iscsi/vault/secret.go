package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"regexp"

	"github.com/mesoncloud/meson/sdk"
)

// secretForm is of CHAP passwords: initiators take 12 to 16 characters.
var secretForm = regexp.MustCompile(`^[A-Z2-7]{16}$`)

func secretName(attachment string) string { return "chap-" + attachment }

// Secret is the CHAP password of a standing use: 16 letters and digits, made at the
// first call, the same at every later one, in a file of mode 0600 in Private. It is
// NotFound for a use that does not stand or is ending.
func (v *Vault) Secret(ctx context.Context, ref Ref, attachment string) (sdk.Secret, error) {
	var secret sdk.Secret
	err := v.Hold(ctx, ref, func(_ context.Context, h *Held) (err error) {
		secret, err = h.Secret(attachment)
		return err
	})
	return secret, err
}

// Secret is Vault.Secret for who has the volume's lock.
func (h *Held) Secret(attachment string) (sdk.Secret, error) {
	if u := h.vol.Use(attachment); u == nil || !u.Ending.IsZero() {
		return sdk.Secret{}, notFound("read password", "attachment "+attachment+" of "+h.vol.String())
	}
	return h.secret(attachment)
}

// secret is an attachment's password, made if there is none yet.
func (h *Held) secret(attachment string) (sdk.Secret, error) {
	data, _, err := h.p.read(secretName(attachment), maxText)
	if err == nil && secretForm.Match(data) {
		return sdk.NewSecret(string(data)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sdk.Secret{}, err
	}
	// 80 bits by chance. One that a kill has left half was never given to anybody.
	text := rand.Text()[:16]
	const fresh = "chap.new"
	h.vault.step("write password")
	if err := h.p.write(fresh, []byte(text), 0o600); err != nil {
		return sdk.Secret{}, err
	}
	h.vault.step("rename password")
	return sdk.NewSecret(text), errors.Join(h.p.move(fresh, h.p, secretName(attachment)), h.p.sync())
}

func (h *Held) dropSecret(attachment string) error { return h.p.unlink(secretName(attachment)) }
