package upcloud_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// structure compares two JSON values: keys, types, and of strings whether they
// are a number, a time, a word or an identifier.
type structure struct {
	known map[string]bool // paths that some recording has
	said  []string
}

func (s *structure) fault(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *structure) compare(at string, want, got any) {
	if a, b := typeOf(want), typeOf(got); a != b && !nullable(at, a, b) {
		s.fault("%s: recorded %s, emulated %s", at, a, b)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for k := range want {
			switch _, there := got[k]; {
			case there:
				s.compare(at+"."+k, want[k], got[k])
			case !sometimes(at + "." + k):
				s.fault("%s.%s: recorded, not emulated", at, k)
			}
		}
		for k := range got {
			if _, there := want[k]; !there && !s.known[canonical(at+"."+k)] && !documented(at+"."+k) {
				s.fault("%s.%s: emulated, never recorded", at, k)
			}
		}
	case []any:
		got, _ := got.([]any)
		if len(want) > 0 && len(got) == 0 && !strings.HasSuffix(at, ".ip_filter") && !strings.HasSuffix(at, ".tag") {
			s.fault("%s: recorded with elements, emulated empty", at)
		}
		for i, one := range want {
			if len(got) > 0 {
				s.compare(at+"[]", one, got[alike(at, one, got, i)])
			}
		}
	case string:
		if a, b := shape(want), shape(got.(string)); a != b && !loose(at) {
			s.fault("%s: recorded %s %q, emulated %s %q", at, a, want, b, got)
		}
	}
}

// alike is the element to compare with: where elements differ by nature, one of
// the same nature, else the one in the same place.
func alike(at string, one any, all []any, i int) int {
	if at == ".networks.network" {
		return max(0, slices.IndexFunc(all, func(v any) bool { return nature(v) == nature(one) }))
	}
	o, _ := one.(map[string]any)
	for _, key := range []string{"type", "access", "name"} {
		if o[key] == nil || key == "name" && at != ".prices.zone" {
			continue
		}
		same := func(v any) bool {
			m, _ := v.(map[string]any)
			return m[key] == o[key] && m["family"] == o["family"]
		}
		if i < len(all) && same(all[i]) {
			return i
		}
		if j := slices.IndexFunc(all, same); j >= 0 {
			return j
		}
	}
	return min(i, len(all)-1)
}

// nature is what kind of network it is.
func nature(v any) string {
	text := fmt.Sprint(v)
	return regexp.MustCompile(`family:\S+|type:\w+`).FindString(text) + regexp.MustCompile(`type:\w+`).FindString(text)
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "list"
	}
	return "object"
}

// nullable are the keys that are null where there is nothing.
func nullable(at, a, b string) bool {
	return (a == "null" || b == "null") && strings.HasSuffix(at, ".server_group")
}

// sometimes are the keys that are there in some states only: while something is
// made, while a server runs, while a network is used, for plans of that time.
func sometimes(at string) bool {
	switch at {
	case ".server.progress", ".server.host", ".servers.server[].host", ".storages.storage[].progress", ".networks.network[].router",
		".network.router", ".networks.network[].servers", ".network.servers", "[].last_used_at":
		return true
	}
	return strings.HasPrefix(at, ".prices.zone[].server_plan_") || strings.HasPrefix(at, ".prices.zone[].simple_backup_")
}

// documented are the keys that no recording has, being younger or of plans.
func documented(at string) bool {
	switch canonical(at) {
	case ".prices.currency", ".plans.plan[].family", ".plans.plan[].current_offering", ".plans.plan[].gpu_amount", ".plans.plan[].gpu_model",
		".storage.template_type":
		return true
	}
	return strings.HasPrefix(at, ".prices.zone[].") || strings.HasSuffix(at, ".part_of_plan")
}

// loose are the strings whose shape says nothing: what people wrote.
func loose(at string) bool {
	for _, end := range []string{
		".title", ".storage_title", ".name", ".password", ".remote_access_password", ".hostname", ".description", ".key", ".value", ".storage",
		".error_message", ".ptr_record", ".username", ".company", ".address", ".city", ".email", ".first_name", ".last_name", ".phone", ".postal_code",
		".vat_number", ".state", ".timezone", ".main_account", ".target_identifier", ".user", ".source_location", ".client_content_type", ".correlation_id",
		".user_data", ".completed",
	} {
		if strings.HasSuffix(at, end) {
			return true
		}
	}
	return false
}

var shapes = []struct {
	name string
	is   *regexp.Regexp
}{
	{"empty", regexp.MustCompile(`^$`)},
	{"UUID", regexp.MustCompile(`^` + uuidText.String() + `$`)},
	{"time", regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)},
	{"precise time", regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$`)},
	{"number", regexp.MustCompile(`^-?\d+(\.\d+)?$`)},
	{"switch", regexp.MustCompile(`^(on|off)$`)},
	{"yes or no", regexp.MustCompile(`^(yes|no)$`)},
	{"MAC", regexp.MustCompile(`^([0-9a-f]{2}:){5}[0-9a-f]{2}$`)},
	{"IPv4", regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+(/\d+)?$`)},
	{"IPv6", regexp.MustCompile(`^[0-9a-f:]*:[0-9a-f:]+(/\d+)?$`)},
	{"URL", regexp.MustCompile(`^https?://`)},
	{"sum", regexp.MustCompile(`^[0-9a-f]{32}([0-9a-f]{32})?$`)},
}

func shape(s string) string {
	for _, one := range shapes {
		if one.is.MatchString(s) {
			return one.name
		}
	}
	return "text"
}

// The comparison finds what it is for.
func TestStructureFindsWhatDiffers(t *testing.T) {
	known := map[string]bool{".server.younger": true}
	for _, one := range []struct{ want, got, fault string }{
		{`{"server":{"a":"1"}}`, `{"server":{"a":"2"}}`, ""},
		{`{"server":{"a":"1"}}`, `{"server":{"a":1}}`, ".server.a: recorded string, emulated number"},
		{`{"server":{"a":"yes"}}`, `{"server":{"a":"on"}}`, `.server.a: recorded yes or no "yes", emulated switch "on"`},
		{`{"server":{"a":"12"}}`, `{"server":{"a":"twelve"}}`, `.server.a: recorded number "12", emulated text "twelve"`},
		{`{"server":{"a":1}}`, `{"server":{}}`, ".server.a: recorded, not emulated"},
		{`{"server":{}}`, `{"server":{"a":1}}`, ".server.a: emulated, never recorded"},
		{`{"server":{}}`, `{"server":{"younger":1}}`, ""},
		{`{"server":{}}`, `{"server":{"progress":"1"}}`, ".server.progress: emulated, never recorded"},
		{`{"server":{"progress":"1"}}`, `{"server":{}}`, ""},
		{`{"server":{"server_group":null}}`, `{"server":{"server_group":"x"}}`, ""},
		{`{"server":{"a":null}}`, `{"server":{"a":"x"}}`, ".server.a: recorded null, emulated string"},
		{`{"a":[{"b":1}]}`, `{"a":[]}`, ".a: recorded with elements, emulated empty"},
		{`{"a":[{"b":1},{"b":"x"}]}`, `{"a":[{"b":1},{"b":1}]}`, ".a[].b: recorded string, emulated number"},
		{`{"a":[]}`, `{"a":{}}`, ".a: recorded list, emulated object"},
	} {
		s := structure{known: known}
		s.compare("", values(t, one.want), values(t, one.got))
		if got := strings.Join(s.said, "; "); got != one.fault {
			t.Errorf("%s and %s: %q, want %q", one.want, one.got, got, one.fault)
		}
	}
}
