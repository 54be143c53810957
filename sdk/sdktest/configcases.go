package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func configCases() []Case {
	return []Case{
		{"config/describe", LevelConfig, "Describe gives a name of [a-z][a-z0-9-]{0,30}, a version, one sentence, and the services: Plugin, and Compute or Storage.", "", describes},
		{"config/services", LevelConfig, "An ability is a service, and a plugin has it if and only if Describe lists it: any other call is Unsupported.", "", servicesAreAbilities},
		{"config/schema", LevelConfig, "The schema of the settings is JSON Schema 2020-12, and right settings are valid by it.", "", schemaIsValid},
		{"config/describe-json", LevelConfig, "The binary told to describe prints what Describe answers.", "", describeJSON},
		{"config/unknown-key", LevelConfig, "An unknown setting is refused as Invalid, with its path, and the provider stays as it was.", "", unknownKey},
		{"config/all-faults", LevelConfig, "All faults of the settings come at once.", "", allFaults},
		{"config/secret", LevelConfig, "A secret is a setting of its own: among the others it is refused, so that it ends up in no file of theirs.", "", secretAmongSettings},
		{"config/twice", LevelConfig, "Equal settings again are no change.", "", configureTwice},
		{"config/unknown-provider", LevelConfig, "A call for a provider that was never configured is Unavailable or Invalid: NotFound would say that what was asked for is not there.", "", unknownProvider},
		{"config/check", LevelConfig, "Check says what was tried, each with a subject and a verdict; the target's settings work.", "", checks},
		{"config/prices", LevelConfig, "The price list has a revision, one currency, and no price that is missing, negative, or zero and not declared free; billing rules are right by themselves and with one another.", "", pricesAreRight},
		{"config/prices-stable", LevelConfig, "A list is immutable: under one revision every reader is told the same prices, rules, sources and dates, whenever the provider was opened; only the list's own as_of may differ. A list that says the same again has the same revision.", "", pricesAreStable},
	}
}

// spoiled is the target's configuration with unknown settings.
func (e *Env) spoiled(keys ...string) (*pb.ConfigureRequest, error) {
	settings := map[string]any{}
	if err := json.Unmarshal([]byte(e.Target.Config), &settings); err != nil {
		return nil, fmt.Errorf("the target's settings: %w", err)
	}
	for _, k := range keys {
		settings[k] = true
	}
	text, err := json.Marshal(settings)
	req := e.settings()
	req.ConfigJson = string(text)
	return req, err
}

func (e *Env) refusesSettings(ctx context.Context, keys ...string) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	req, err := e.spoiled(keys...)
	if err != nil {
		return err
	}
	_, err = e.Plugin.Configure(ctx, req)
	refusal, ok := errors.AsType[*sdk.Error](err)
	if !ok || refusal.Kind != sdk.Invalid {
		return fmt.Errorf("settings with the unknown keys %v: error %v of kind %q, want Invalid", keys, err, sdk.KindOf(err))
	}
	var faults []error
	for _, k := range keys {
		if !slices.ContainsFunc(refusal.Faults, func(f sdk.Fault) bool { return f.Path == k && f.Text != "" }) {
			faults = append(faults, fmt.Errorf("no fault has the path %q: %v", k, refusal.Faults))
		}
	}
	if e.compute != nil {
		if _, _, err := e.offers(ctx, e.Target.Fits, 1, ""); err != nil {
			faults = append(faults, fmt.Errorf("after refused settings the provider no longer works: %w", err))
		}
	}
	return errors.Join(faults...)
}

func unknownKey(ctx context.Context, e *Env) error { return e.refusesSettings(ctx, "no_such_setting") }

func allFaults(ctx context.Context, e *Env) error {
	return e.refusesSettings(ctx, "no_such_setting", "nor_this_one", "nor_that_one")
}

// secretAmongSettings needs a schema that marks its secrets as the SDK does.
func secretAmongSettings(ctx context.Context, e *Env) error {
	var schema struct {
		Properties map[string]struct {
			Secret bool `json:"x-meson-secret"`
		} `json:"properties"`
	}
	if err := json.Unmarshal([]byte(e.describe.GetConfigSchema()), &schema); err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	var secrets []string
	for name, p := range schema.Properties {
		if p.Secret {
			secrets = append(secrets, name)
		}
	}
	if len(secrets) == 0 {
		return ErrSkip
	}
	return e.refusesSettings(ctx, secrets...)
}

func configureTwice(ctx context.Context, e *Env) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	for range 3 {
		if _, err := e.Plugin.Configure(ctx, e.settings()); err != nil {
			return err
		}
	}
	_, err := e.Plugin.Check(ctx, providerName)
	return err
}

func unknownProvider(ctx context.Context, e *Env) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	_, err := e.Plugin.Check(ctx, "nobody-configured-this")
	if kind := sdk.KindOf(err); ctx.Err() != nil || kind != sdk.Unavailable && kind != sdk.Invalid {
		return fmt.Errorf("error %v of kind %q", err, kind)
	}
	return nil
}

func checks(ctx context.Context, e *Env) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	items, err := e.Plugin.Check(ctx, providerName)
	if err != nil {
		return err
	}
	var faults []error
	if len(items) == 0 {
		faults = append(faults, errors.New("nothing was tried"))
	}
	for _, i := range items {
		if i.GetSubject() == "" || i.GetVerdict() == pb.CheckItem_VERDICT_UNSPECIFIED {
			faults = append(faults, fmt.Errorf("item %v lacks a subject or a verdict", i))
		}
		if i.GetVerdict() == pb.CheckItem_VERDICT_FAILED {
			faults = append(faults, fmt.Errorf("%s failed: %s", i.GetSubject(), i.GetText()))
		}
	}
	return errors.Join(faults...)
}
