package api

import "testing"

func TestSetFollowsTheSchema(t *testing.T) {
	const schema = `{"properties":{
		"core_hour":{"type":"string"}, "reserve_cores":{"type":"integer"}, "free":{"type":"boolean"},
		"groups":{"type":"array","items":{"type":"object","properties":{"gib_hour":{"type":"string"}}}}}}`
	for _, c := range []struct{ key, value, want string }{
		{"core_hour", "0.01", `{"core_hour":"0.01"}`},
		{"core_hour", `"0.01"`, `{"core_hour":"0.01"}`},
		{"reserve_cores", "1", `{"reserve_cores":1}`},
		{"free", "true", `{"free":true}`},
		{"uri", "qemu:///system", `{"uri":"qemu:///system"}`},
		{"groups.0.gib_hour", "0.002", `{"groups":[{"gib_hour":"0.002"}]}`},
		{"groups", `[{"name":"a"}]`, `{"groups":[{"name":"a"}]}`},
	} {
		got, err := set([]byte("{}"), schema, c.key, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s=%s gave %s, %v; want %s", c.key, c.value, got, err, c.want)
		}
	}
}
