package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// upcloudOptions are the flags of `meson-emulator upcloud`.
type upcloudOptions struct {
	listen, control string
	credentials     string
	env             string
	speed           float64
	manual          bool
	seed            uint64
	currency        string
	credits         float64
	trial           bool
	quiet           bool
	behaviour       bool
}

func upcloudCommand() *cobra.Command {
	var o upcloudOptions
	c := &cobra.Command{
		Use: "upcloud", Short: "UpCloud's API 1.3", Args: cobra.NoArgs,
		Long: `Example:
  meson-emulator upcloud --listen 127.0.0.1:8080 --control 127.0.0.1:8081 --speed 60
  curl -H 'Authorization: Bearer ` + upcloud.DefaultToken + `' http://127.0.0.1:8080/1.3/plan
  curl http://127.0.0.1:8081/                the switches: faults, clock, stock, account

Serves UpCloud's API 1.3 without a cloud behind it: servers, storages, addresses, prices, limits and faults, in the service's own time or
faster. Where it listens is printed as KEY=VALUE. --credentials names a file of users, of mode 0600:
  [{"username": "me", "token": "ucat_…"}, {"username": "me", "password": "…", "read_only": true, "no_billing": true}]`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.behaviour {
				_, err := io.WriteString(c.OutOrStdout(), upcloud.BehaviourTable())
				return err
			}
			return o.run(c)
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address of the API; port 0 is any free one")
	f.StringVar(&o.control, "control", "127.0.0.1:0", "address of the switches, for whoever can reach it; empty is none")
	f.StringVar(&o.credentials, "credentials", "", "file with who may call; none is the token "+upcloud.DefaultToken)
	f.StringVar(&o.env, "env", "", "file to write the KEY=VALUE lines to, too")
	f.Float64Var(&o.speed, "speed", 1, "virtual seconds in a real one; 0 is all at once")
	f.BoolVar(&o.manual, "manual", false, "time stands still, but for the switch")
	f.Uint64Var(&o.seed, "seed", 1, "decides about identifiers, addresses and delays")
	f.StringVar(&o.currency, "currency", "EUR", "currency of the account")
	f.Float64Var(&o.credits, "credits", 1000, "what the account has to begin with, in its currency")
	f.BoolVar(&o.trial, "trial", false, "a trial account")
	f.BoolVar(&o.quiet, "quiet", false, "no line per request on stderr")
	f.BoolVar(&o.behaviour, "behaviour", false, "print what is recorded, documented and assumed, and end")
	return c
}

// run serves until the command's context ends.
func (o *upcloudOptions) run(c *cobra.Command) error {
	account := upcloud.DefaultAccount()
	account.Currency, account.Credits, account.Trial = o.currency, o.credits*100, o.trial
	if o.speed < 0 || o.credits < 0 || len(o.currency) != 3 {
		return errors.New("--speed and --credits cannot be negative, --currency has three letters")
	}
	level := slog.LevelInfo
	if o.quiet {
		level = slog.LevelWarn
	}
	options := upcloud.Options{
		Clock: upcloud.NewClock(upcloud.ClockOptions{Speed: o.speed, Manual: o.manual}), Seed: o.seed, Account: &account,
		Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level})),
	}
	if o.credentials != "" {
		var err error
		if options.Credentials, err = readCredentials(o.credentials); err != nil {
			return err
		}
	}
	cloud := upcloud.NewServer(options)
	defer cloud.Close()
	h := host{out: c.OutOrStdout(), env: o.env}
	if err := h.listen("MESON_LAB_UPCLOUD_URL", o.listen, cloud); err != nil {
		return err
	}
	if o.control != "" {
		if err := h.listen("MESON_LAB_UPCLOUD_CONTROL", o.control, cloud.Control()); err != nil {
			return err
		}
	}
	return h.serve(c.Context(), cloud.Close)
}

// readCredentials refuses a file that others can read, and credentials that can
// never be used.
func readCredentials(name string) ([]upcloud.Credential, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode is %04o, others can read it: chmod 600 it", name, info.Mode().Perm())
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	d := json.NewDecoder(io.LimitReader(file, 1<<20))
	d.DisallowUnknownFields()
	var all []upcloud.Credential
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("%s: a list of credentials is wanted: %w", name, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there are no credentials in it", name)
	}
	for i, one := range all {
		if one.Username == "" || one.Token == "" && one.Password == "" {
			return nil, fmt.Errorf("%s: credential %d needs a username, and a token or a password", name, i+1)
		}
	}
	return all, nil
}
