package upcloud

import (
	"fmt"
	"strings"
)

// Source is how a behaviour is known.
type Source string

const (
	// Recorded behaviours are in a cassette of the SDK's module.
	Recorded Source = "recorded"
	// Documented ones are in what UpCloud publishes.
	Documented Source = "documented"
	// Assumed ones are neither, though others may have reported them.
	Assumed Source = "assumed"
)

// Behaviour is one thing the emulator does as the service does, as far as is known.
type Behaviour struct {
	Area   string `json:"area"`
	What   string `json:"what"`
	Source Source `json:"source"`
	// Where names the cassettes, or the document, or why it is assumed.
	Where string `json:"where"`
}

// Behaviours are all of them, by area.
func Behaviours() []Behaviour {
	var all []Behaviour
	for _, a := range []struct {
		area string
		rows []Behaviour
	}{
		{"wire", wireBehaviours()},
		{"account", accountBehaviours()},
		{"plans, zones and prices", marketBehaviours()},
		{"servers", serverBehaviours()},
		{"storages", storageBehaviours()},
		{"networks and addresses", networkBehaviours()},
		{"limits and capacity", limitBehaviours()},
		{"not emulated", missingBehaviours()},
	} {
		for _, b := range a.rows {
			b.Area = a.area
			all = append(all, b)
		}
	}
	return all
}

// BehaviourTable is Behaviours as Markdown, with a count by source.
func BehaviourTable() string {
	count := map[Source]int{}
	var b strings.Builder
	area := ""
	for _, one := range Behaviours() {
		count[one.Source]++
		if one.Area != area {
			area = one.Area
			fmt.Fprintf(&b, "\n## %s%s\n\n| behaviour | known how | where |\n|---|---|---|\n", strings.ToUpper(area[:1]), area[1:])
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", one.What, one.Source, one.Where)
	}
	return fmt.Sprintf("# What the UpCloud emulator does, and how that is known\n\n"+
		"%d behaviours are recorded (in cassettes of `github.com/UpCloudLtd/upcloud-go-api/v8`), %d documented by UpCloud, %d assumed.\n"+
		"Generated from `behaviour*.go` by `go test ./lab/emulator/upcloud -run Behaviour -update`; also printed by `meson-emulator upcloud --behaviour`.\n",
		count[Recorded], count[Documented], count[Assumed]) + b.String()
}

func recorded(what string, cassettes ...string) Behaviour {
	return Behaviour{What: what, Source: Recorded, Where: strings.Join(cassettes, ", ")}
}

func documentedBy(what, where string) Behaviour {
	return Behaviour{What: what, Source: Documented, Where: where}
}

func assumed(what, why string) Behaviour {
	return Behaviour{What: what, Source: Assumed, Where: why}
}

// Documents that rows refer to.
const (
	apiAccounts = "API 1.3, chapter 3 (accounts)"
	apiPricing  = "API 1.3, chapter 4 (pricing)"
	apiServers  = "API 1.3, chapter 8 (servers)"
	apiErrors   = "API 1.3, errors"
	sdkTests    = "examples in the tests of the SDK v8.35.0"
	sdkCodes    = "name from error_codes.go of the SDK v8.35.0; its use is assumed"
	planPages   = "UpCloud's page on server configurations"
	nextClient  = "types of UpCloud's generated v9 client"
)
