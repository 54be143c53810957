package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// firstRun is what happens after a NoOffer where no provider is configured: the
// plugins say what could be added from here; on a terminal it is added if the
// user agrees. True means that something was added and that it is worth asking
// again. Any other error comes back as it is.
func (a *app) firstRun(ctx context.Context, b api.Broker, noOffer error) (bool, error) {
	if core.KindOf(noOffer) != core.NoOffer {
		return false, noOffer
	}
	have, err := b.Providers(ctx)
	if err != nil || len(have) > 0 {
		return false, noOffer
	}
	found, err := b.Discover(ctx)
	if err != nil {
		return false, err
	}
	if len(found) == 0 {
		return false, &core.Error{
			Kind: core.NoOffer, Text: "no provider is configured, and none was found here",
			Hint: "`meson plugin ls` shows what kinds there are\n" +
				"`meson provider add NAME --plugin PLUGIN --set KEY=VALUE` adds one, such as\n" +
				"`meson provider add rack1 --plugin kvm --set uri=qemu+ssh://root@host1/system --set free=true`",
		}
	}
	if !a.asks() {
		var add []string
		for _, d := range found {
			add = append(add, fmt.Sprintf("%s: `%s`", d.Text, addCommand(d)))
		}
		return false, &core.Error{Kind: core.NoOffer, Text: "no provider is configured, but here could be added", Hint: strings.Join(add, "\n")}
	}
	added := 0
	for _, d := range found {
		yes, err := a.confirm(ctx, fmt.Sprintf("Found %s. Add it as provider %q?", render.Visible(d.Text), render.Visible(d.SuggestedName)))
		if err != nil {
			return false, err
		}
		if !yes {
			continue
		}
		_, checks, err := b.AddProvider(ctx, api.AddProviderRequest{Name: d.SuggestedName, Plugin: d.Plugin, Settings: d.Settings})
		if err != nil {
			a.sayChecks(checks)
			return false, err
		}
		a.job.say(fmt.Sprintf("added %s", render.Visible(d.SuggestedName)))
		added++
	}
	if added == 0 {
		return false, &core.Error{Kind: core.NoOffer, Text: "no provider is configured", Hint: "`meson provider add --help`"}
	}
	return true, nil
}

// addCommand is what adds a discovered provider by hand.
func addCommand(d core.Discovery) string {
	words := []string{"meson provider add", quote(d.SuggestedName), "--plugin", quote(d.Plugin)}
	var settings map[string]json.RawMessage
	if json.Unmarshal(d.Settings, &settings) == nil {
		for _, k := range slices.Sorted(maps.Keys(settings)) {
			words = append(words, "--set", quote(k+"="+setting(settings[k])))
		}
	}
	return strings.Join(words, " ")
}

// setting is a value as --set takes it: a text that is not JSON stands bare.
func setting(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && !json.Valid([]byte(text)) {
		return text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return string(value)
	}
	return compact.String()
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./:+,@", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
