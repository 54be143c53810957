package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

// maxSecretBytes bounds a file with a secret: the largest are certificates.
const maxSecretBytes = 1 << 20

// configuration is whether a provider has been configured in a session. Its
// token is held by whoever configures.
type configuration struct {
	token chan struct{}
	sum   string
}

// configure sends the provider's configuration if this session has not had the
// same one, by its sum, already. Secrets are read now and not kept.
func (s *session) configure(ctx context.Context, cfg core.ProviderConfig, sum string) error {
	s.mu.Lock()
	c := s.configured[cfg.Name]
	if c == nil {
		c = &configuration{token: make(chan struct{}, 1)}
		s.configured[cfg.Name] = c
	}
	s.mu.Unlock()
	select {
	case c.token <- struct{}{}:
		defer func() { <-c.token }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.sum == sum {
		return nil
	}
	secrets, err := readSecrets(cfg)
	if err != nil {
		return err
	}
	defer func() {
		for _, secret := range secrets {
			clear(secret)
		}
	}()
	answer, err := pb.NewPluginClient(s.conn).Configure(ctx, &pb.ConfigureRequest{
		Provider: cfg.Name, ConfigJson: string(cfg.Settings), Secrets: secrets,
	})
	if err != nil {
		return err
	}
	for i, warning := range answer.GetWarnings() {
		if i == maxWarnings {
			break
		}
		s.log.Warn("provider is configured with a warning", "provider", cfg.Name, "warning", cut(warning, maxText))
	}
	c.sum = sum
	return nil
}

func sumOf(cfg core.ProviderConfig) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%d\x00%s", len(cfg.Settings), cfg.Settings)
	for _, key := range slices.Sorted(maps.Keys(cfg.SecretFiles)) {
		fmt.Fprintf(hash, "\x00%s\x00%s", key, cfg.SecretFiles[key])
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// readSecrets reads the provider's files of secrets, without the line break at
// the end that editors leave. All faults come at once; none shows what a file
// holds.
func readSecrets(cfg core.ProviderConfig) (map[string][]byte, error) {
	secrets := make(map[string][]byte, len(cfg.SecretFiles))
	var faults []core.Fault
	hint := ""
	for _, key := range slices.Sorted(maps.Keys(cfg.SecretFiles)) {
		path := cfg.SecretFiles[key]
		secret, err := readSecret(path)
		if err != nil {
			faults = append(faults, core.Fault{
				Path: "secrets." + key, Want: "a file that only its owner can read",
				Text: fmt.Sprintf("%s: %v", path, err),
			})
			if errors.Is(err, errReadable) && hint == "" {
				hint = "chmod 600 " + path
			}
			continue
		}
		secrets[key] = secret
	}
	if len(faults) > 0 {
		return nil, &core.Error{
			Kind: core.Invalid, Op: "read secrets", Subject: "provider " + cfg.Name, Faults: faults, Hint: hint,
		}
	}
	return secrets, nil
}

var errReadable = errors.New("others can read or write it")

func readSecret(path string) ([]byte, error) {
	// O_NONBLOCK: a named pipe must not hold us.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, reasonOf(err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, reasonOf(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Mode().Perm()&0o026 != 0 || info.Mode().Perm()&0o004 != 0:
		return nil, fmt.Errorf("%w (mode %04o)", errReadable, info.Mode().Perm())
	case info.Size() > maxSecretBytes:
		return nil, fmt.Errorf("it is larger than %d bytes", maxSecretBytes)
	}
	secret, err := io.ReadAll(io.LimitReader(file, maxSecretBytes))
	if err != nil {
		return nil, reasonOf(err)
	}
	text := strings.TrimSuffix(string(secret), "\n")
	text = strings.TrimSuffix(text, "\r")
	return secret[:len(text)], nil
}
