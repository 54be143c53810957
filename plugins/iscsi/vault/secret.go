package vault

import (
	"context"

	"github.com/mesoncloud/meson/sdk"
)

// Secret is the CHAP password of a standing use: 16 letters and digits, made at the
// first call, the same at every later one, in a file of mode 0600 in Private. It is
// NotFound for a use that does not stand or is ending.
func (v *Vault) Secret(ctx context.Context, ref Ref, attachment string) (sdk.Secret, error) {
	return sdk.Secret{}, todo()
}
