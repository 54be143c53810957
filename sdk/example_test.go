package sdk_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Settings of a plugin: the struct is schema, documentation and parser.
type cloudConfig struct {
	Region  string        `json:"region" required:"true" enum:"eu,us" help:"Where machines are made."`
	Timeout time.Duration `json:"timeout" default:"30s" help:"For each request."`
	Token   sdk.Secret    `json:"token" secret:"true" required:"true" help:"API token."`
}

func ExampleDecodeConfig() {
	_, err := sdk.DecodeConfig[cloudConfig]([]byte(`{"regoin": "eu", "timeout": 30}`), nil)
	fmt.Println(err)
	c, err := sdk.DecodeConfig[cloudConfig]([]byte(`{"region": "eu"}`), map[string][]byte{"token": []byte("t0p\n")})
	fmt.Println(c.Timeout, c.Token, err)
	// Output:
	// read settings: regoin: unknown setting: did you mean region?; region: missing: want one of eu, us; timeout: 30: want a duration such as "30s" or "5m"; token: missing: give it with --secret token=FILE
	// 30s [redacted] <nil>
}

func ExampleEnsure() {
	type machine struct{ id, request string }
	cloud := map[string]machine{}
	owner := exampleOwner("r1")
	create := func() (machine, error) {
		return sdk.Ensure(context.Background(), sdk.EnsureOps[machine]{
			Find: func(context.Context) (machine, bool, error) {
				m, there := cloud[owner.GetKey()]
				return m, there, nil
			},
			Request: func(m machine) string { return m.request },
			Create: func(context.Context) (machine, error) {
				m := machine{id: "vm-1", request: owner.GetRequest()}
				cloud[owner.GetKey()] = m
				return m, nil
			},
		}, owner)
	}
	fmt.Println(create())
	fmt.Println(create())
	owner = exampleOwner("r2")
	_, err := create()
	fmt.Println(sdk.KindOf(err))
	// Output:
	// {vm-1 r1} <nil>
	// {vm-1 r1} <nil>
	// conflict
}
