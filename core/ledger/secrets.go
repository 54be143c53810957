package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/core"
)

const (
	secretsDir    = "secrets"
	secretsSuffix = ".json"
)

type secretsFile struct {
	Password string `json:"password,omitempty"`
	UserData string `json:"user_data,omitempty"`
}

// PutSecrets implements [Allocations]. They stand in a file of mode 0600 in
// "secrets" beside the ledger.
func (s *SQLite) PutSecrets(ctx context.Context, allocation string, v Secrets) error {
	const op = "keep secrets"
	subject := "allocation " + short(allocation)
	if err := checkID(allocation); err != nil {
		return failure(op, subject, err)
	}
	if s.isClosed() {
		return failure(op, subject, errClosed)
	}
	if v.IsZero() {
		return nil
	}
	if err := s.writeSecrets(allocation, v); err != nil {
		return failure(op, subject, err)
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE allocations SET has_secrets = TRUE WHERE id = $1`, allocation)
		return err
	}))
}

// Secrets implements [Allocations].
func (s *SQLite) Secrets(ctx context.Context, allocation string) (Secrets, error) {
	const op = "read secrets"
	subject := "allocation " + short(allocation)
	if err := checkID(allocation); err != nil {
		return Secrets{}, failure(op, subject, err)
	}
	data, err := os.ReadFile(s.secretsPath(allocation))
	if errors.Is(err, fs.ErrNotExist) {
		row, err := s.allocation(ctx, allocation)
		if err == nil && row.hasSecrets {
			err = &core.Error{
				Kind: core.NotFound, Subject: subject, Text: "its password and user data are not kept any more",
				Hint: "deploy again from the spec",
			}
		}
		return Secrets{}, failure(op, subject, err)
	}
	var file secretsFile
	if err == nil && json.Unmarshal(data, &file) != nil {
		err = damaged("the file of its secrets is damaged") // the cause would quote it
	}
	if err != nil {
		return Secrets{}, failure(op, subject, err)
	}
	return Secrets{Password: core.NewSecret(file.Password), UserData: core.NewSecret(file.UserData)}, nil
}

// DropSecrets implements [Allocations].
func (s *SQLite) DropSecrets(_ context.Context, allocation string) error {
	const op = "drop secrets"
	subject := "allocation " + short(allocation)
	if err := checkID(allocation); err != nil {
		return failure(op, subject, err)
	}
	err := os.Remove(s.secretsPath(allocation))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(s.secretsPath(allocation)))
	}
	return failure(op, subject, err)
}

// dropSpent drops the secrets of an allocation that needs them no longer. What
// cannot be dropped now is found by Prune.
func (s *SQLite) dropSpent(a core.Allocation) {
	if spent(a.State) {
		s.removeSecrets(a.ID)
	}
}

func spent(state core.State) bool { return state == core.Running || state.Final() }

func (s *SQLite) removeSecrets(allocation string) {
	if err := os.Remove(s.secretsPath(allocation)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("secrets that are not needed any more were not removed", "allocation", allocation, "error", err)
	}
}

func (s *SQLite) secretsPath(allocation string) string {
	return filepath.Join(filepath.Dir(s.path), secretsDir, allocation+secretsSuffix)
}

func (s *SQLite) hasSecretsFile(allocation string) bool {
	_, err := os.Stat(s.secretsPath(allocation))
	return err == nil
}

func (s *SQLite) writeSecrets(allocation string, v Secrets) error {
	if _, err := s.sideDir(secretsDir); err != nil {
		return err
	}
	data, err := json.Marshal(secretsFile{Password: v.Password.Reveal(), UserData: v.UserData.Reveal()})
	if err != nil {
		return err
	}
	return replaceFile(s.secretsPath(allocation), data, true)
}
