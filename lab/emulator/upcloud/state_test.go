package upcloud_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func stop(t *testing.T, c *cloud, uuid, kind string, timeout time.Duration) {
	t.Helper()
	// Not through the SDK: it takes the timeout for its own deadline, too.
	body := `{"stop_server":{"stop_type":"` + kind + `"`
	if timeout > 0 {
		body += `,"timeout":"` + decimal(int(timeout.Seconds())) + `"`
	}
	if status, text := call(t, c, http.MethodPost, "/1.3/server/"+uuid+"/stop", body+"}}"); status != http.StatusOK {
		t.Fatalf("stop: %d %s", status, text)
	}
}

func decimal(n int) string { return strconv.Itoa(n) }

// call is one request as it is.
func call(t *testing.T, c *cloud, method, path, body string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+upcloud.DefaultToken)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// until steps the clock second by second, and says after how many the server was
// in the state, and what it was before.
func until(t *testing.T, c *cloud, uuid, want string) (seconds int, seen []string) {
	t.Helper()
	for ; seconds < 600; seconds++ {
		got := state(t, c, uuid)
		if got == want {
			return seconds, slices.Compact(seen)
		}
		seen = append(seen, got)
		c.Clock().Step(time.Second)
	}
	t.Fatalf("never %s, but %v", want, slices.Compact(seen))
	return 0, nil
}

func TestThingsTakeTheirTime(t *testing.T) {
	c := start(t, upcloud.Options{Seed: 7, Clock: manual()})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	disk := func() string {
		d, err := c.GetServerDetails(t.Context(), &request.GetServerDetailsRequest{UUID: uuid})
		if err != nil {
			t.Fatal(err)
		}
		one, err := c.GetStorageDetails(t.Context(), &request.GetStorageDetailsRequest{UUID: d.StorageDevices[0].UUID})
		if err != nil {
			t.Fatal(err)
		}
		return one.State
	}
	if got := disk(); got != "maintenance" {
		t.Errorf("the disk is %s while it is cloned", got)
	}
	c.Clock().Step(2 * time.Second)
	if d, err := c.GetServerDetails(t.Context(), &request.GetServerDetailsRequest{UUID: uuid}); err != nil || d.Progress < 1 || d.Progress > 99 {
		t.Errorf("progress after 2 s: %d, %v", d.Progress, err)
	}
	if n, seen := until(t, c, uuid, "started"); n < 17 || n > 60 || !slices.Equal(seen, []string{"maintenance"}) {
		t.Errorf("started after %d s of %v", n+2, seen)
	}
	if got := disk(); got != "online" {
		t.Errorf("the disk is %s once the server is started", got)
	}
	stop(t, c, uuid, "hard", 0)
	if n, seen := until(t, c, uuid, "stopped"); n < 5 || n > 12 || !slices.Equal(seen, []string{"started"}) {
		t.Errorf("stopped after %d s of %v", n, seen)
	}
	if d, err := c.StartServer(t.Context(), &request.StartServerRequest{UUID: uuid}); err != nil || d.State != "started" {
		t.Errorf("start: %+v, %v", d, err)
	}
	if d, err := c.RestartServer(t.Context(), &request.RestartServerRequest{UUID: uuid, StopType: "hard"}); err != nil || d.State != "started" {
		t.Errorf("restart: %+v, %v", d, err)
	}
	_, _ = until(t, c, uuid, "maintenance")
	if n, _ := until(t, c, uuid, "started"); n < 5 || n > 22 {
		t.Errorf("restarted after %d s of maintenance", n)
	}
	if c.Next() {
		t.Error("the cloud is not at rest")
	}
}

func TestStatesForbid(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	path := "/1.3/server/" + uuid
	refused := func(when, method, path, body string) {
		t.Helper()
		if status, text := call(t, c, method, path, body); status != http.StatusConflict || !strings.Contains(text, "STATE_ILLEGAL") {
			t.Errorf("%s: %s %s: %d %s", when, method, path, status, text)
		}
	}
	refused("while created", "POST", path+"/stop", "")
	refused("while created", "POST", path+"/start", "")
	refused("while created", "POST", path+"/restart", "")
	refused("while created", "DELETE", path, "")
	refused("while created", "PUT", path, `{"server":{"title":"x"}}`)
	for c.Next() {
	}
	refused("started", "POST", path+"/start", "")
	refused("started", "DELETE", path+"/?storages=1", "")
	refused("started", "PUT", path, `{"server":{"plan":"STARTER-1xCPU-2GB"}}`)
	refused("started", "POST", path+"/networking/interface", `{"interface":{"type":"public"}}`)
	stop(t, c, uuid, "hard", 0)
	refused("while stopped", "DELETE", path, "")
	for c.Next() {
	}
	refused("stopped", "POST", path+"/stop", "")
	d, err := c.GetServerDetails(t.Context(), &request.GetServerDetailsRequest{UUID: uuid})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := call(t, c, "POST", "/1.3/storage/"+d.StorageDevices[0].UUID+"/backup", `{"storage":{"title":"b"}}`); status != http.StatusCreated {
		t.Fatalf("backup: %d %s", status, text)
	}
	refused("while its disk is backed up", "DELETE", path+"/?storages=1", "")
	refused("while its disk is backed up", "POST", path+"/start", "")
	for c.Next() {
	}
	if status, text := call(t, c, "DELETE", path+"/?storages=1&backups=delete", ""); status != http.StatusNoContent {
		t.Errorf("delete: %d %s", status, text)
	}
	if st := c.Stats(); st.Servers+st.Storages+st.Backups+st.PublicIPv4 != 0 || len(st.Charges) > 0 {
		t.Errorf("left: %+v", st)
	}
}

// What was planned for a server does not happen to it once something else was
// begun, nor to another one.
func TestLateEventsDoNothing(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	for c.Next() {
	}
	if _, err := c.RestartServer(t.Context(), &request.RestartServerRequest{UUID: uuid}); err != nil {
		t.Fatal(err)
	}
	stop(t, c, uuid, "hard", 0) // before it is in maintenance
	_, seen := until(t, c, uuid, "stopped")
	if !slices.Equal(seen, []string{"started"}) {
		t.Errorf("seen %v", seen)
	}
	for c.Next() {
	}
	if got := state(t, c, uuid); got != "stopped" {
		t.Errorf("the restart went on: %s", got)
	}
}

func TestSameSeedSameCloud(t *testing.T) {
	run := func(seed uint64) string {
		c := start(t, upcloud.Options{Seed: seed, Clock: manual()})
		create(t, c, "fi-hel1", "STARTER-1xCPU-1GB")
		one := create(t, c, "de-fra1", "PREMIUM-2xCPU-4GB").UUID
		n, _ := until(t, c, one, "started")
		_, text := call(t, c, http.MethodGet, "/1.3/server/"+one, "")
		return decimal(n) + text
	}
	if a, b := run(3), run(3); a != b {
		t.Errorf("the same seed differs:\n%s\n%s", a, b)
	}
	if run(3) == run(4) {
		t.Error("another seed does not differ")
	}
}

func TestClockSpeeds(t *testing.T) {
	c := start(t, upcloud.Options{Clock: upcloud.NewClock(upcloud.ClockOptions{Speed: 2000})})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	for end := time.Now().Add(10 * time.Second); state(t, c, uuid) != "started"; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a minute takes more than 10 s at speed 2000")
		}
	}
	clock := manual()
	before := clock.Now()
	clock.Step(time.Hour)
	clock.Step(-time.Hour)
	if got := clock.Now().Sub(before); got != time.Hour {
		t.Errorf("stepped %v", got)
	}
	clock.SetSpeed(0)
	if speed, manual := clock.Speed(); speed != 0 || manual || clock.Now().Before(before.Add(time.Hour)) {
		t.Errorf("speed %v, manual %v", speed, manual)
	}
}
