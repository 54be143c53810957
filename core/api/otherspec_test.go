package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// Another spec under the name of a machine is a conflict that names what
// differs, and the machine is not given as if it were the result. Secrets are
// never shown.
func TestOtherSpecUnderAName(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	made := w.mustDeploy(api.DeployRequest{Name: "web1"})
	for name, c := range map[string]struct {
		change func(*core.Pledge)
		want   []string
	}{
		"fields": {func(p *core.Pledge) {
			p.MemoryMiB, p.OS.Family, p.Login.Username, p.Flags = 600, "linux", "", []string{"avx2"}
			p.Login.Password = core.NewSecret("hunter3")
		}, []string{
			`authentication.username: the machine has "ada", this spec nothing`,
			`flags: the machine has [], this spec ["avx2"]`,
			`misc.os_family: the machine has nothing, this spec "linux"`,
			`ramsize: the machine has 512, this spec 600`,
		}},
		"password":  {func(p *core.Pledge) { p.Login.Password = core.NewSecret("hunter3") }, []string{"the password or the user data differ, which are not shown"}},
		"user data": {func(p *core.Pledge) { p.UserData = core.NewSecret("hunter3") }, []string{"the password or the user data differ, which are not shown"}},
		"long": {func(p *core.Pledge) { p.Description = strings.Repeat("é", 100) }, []string{
			`description: the machine has nothing, this spec "` + strings.Repeat("é", 59) + "…",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pledge()
			c.change(&p)
			a, err := w.deploy(api.DeployRequest{Name: "web1", Pledge: p})
			refused(t, err, core.Conflict, "allocation "+made.ID+" has this name and another spec")
			if a.ID != "" {
				t.Errorf("given as the result: %+v", a)
			}
			var got []string
			if e, ok := errors.AsType[*core.Error](err); ok {
				for _, f := range e.Faults {
					got = append(got, f.String())
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" || strings.Contains(strings.Join(got, ""), "hunter") {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
