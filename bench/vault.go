package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// vaultHost is the host that the vault says to be on: none of the lab's, so
	// that their machines come over iSCSI.
	vaultHost = "6d65736f-6e00-4000-8000-62656e636800"
	// vaultConfig is what a provider that connects to it states.
	vaultConfig   = `{"currency":"EUR","gib_month":"0.05"}`
	vaultPatience = 20 * time.Second
)

// vault is a storage server of this run's own in the lab's fabric, a resident
// meson-plugin-iscsi with the daemons that it starts, and a ledger that has it as
// the provider "vault" beside the lab's hosts.
type vault struct {
	*bench
	home   string // of its ledger, its settings and its volumes
	netns  string
	server *exec.Cmd
	log    bytes.Buffer
	run    string // its sockets, and the mark of its daemons
	conn   *grpc.ClientConn
	remote *sdk.Remote
}

// openVault starts one for a measurement of this name.
func (b *bench) openVault(ctx context.Context, name string) (v *vault, err error) {
	own := *b
	own.env, own.left = b.state(filepath.Join(name, "state")), nil
	v = &vault{bench: &own, home: b.path(name)}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.close())
		}
	}()
	text, err := b.output(ctx, []string{"lab/iscsi", "start"})
	if err != nil {
		return v, err
	}
	v.netns = setting(text, "MESON_LAB_ISCSI_NETNS")
	address := setting(text, "MESON_LAB_ISCSI_ADDRESS")
	if v.run, err = os.MkdirTemp("/run", "meson-bench-"); err != nil {
		return v, err
	}
	// Tests have vaults there too; whose port is taken takes the next.
	first := 20000 + os.Getpid()%17*700
	nfsPort := first + 699
	config, err := json.Marshal(map[string]any{
		"path": filepath.Join(v.home, "vault"), "zone": "fabric", "host_uuid": vaultHost, "address": address, "first_port": first, "last_port": nfsPort - 1,
		"nfs_address": net.JoinHostPort(address, strconv.Itoa(nfsPort)), "nfs_clients": []string{address + "/24"},
		"currency": "EUR", "gib_month": "0.05", "runtime_dir": filepath.Join(v.run, "d"), "reserve_gib": 0, "overcommit_percent": 1000,
	})
	if err != nil {
		return v, err
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(v.home, "vault"), 0o700), os.WriteFile(v.settings(), config, 0o600)); err != nil {
		return v, err
	}
	if err := v.serve(ctx); err != nil {
		return v, err
	}
	for _, args := range [][]string{
		{"provider", "add", "lab", "--plugin", "kvm", "--config", b.path("provider.json")},
		{"provider", "add", "vault", "--plugin", "iscsi", "--connect", "unix:" + v.socket(), "--set", "currency=EUR", "--set", `gib_month="0.05"`},
	} {
		if _, err := v.output(ctx, v.meson(args...)); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (v *vault) settings() string { return filepath.Join(v.home, "vault.json") }
func (v *vault) socket() string   { return filepath.Join(v.run, "s") }

// serve starts the resident part, and waits until it answers.
func (v *vault) serve(ctx context.Context) error {
	v.server = exec.Command("ip", "netns", "exec", v.netns, v.path("bin", "meson-plugin-iscsi"),
		"serve", "--config", v.settings(), "--listen", "unix:"+v.socket())
	v.server.Env = append(os.Environ(), sdk.LogLevelEnv+"=warn")
	v.server.Stdout, v.server.Stderr = &v.log, &v.log
	v.server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := v.server.Start(); err != nil {
		v.server = nil
		return err
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", v.socket()); err == nil {
			_ = c.Close()
			break
		}
		if time.Since(begun) > vaultPatience || ctx.Err() != nil {
			return errors.Join(errors.New("the vault does not serve"), ctx.Err())
		}
	}
	var err error
	if v.conn, err = grpc.NewClient("unix:"+v.socket(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return err
	}
	client := sdk.NewClient(v.conn)
	if _, err := client.Configure(ctx, &pb.ConfigureRequest{Provider: "bench", ConfigJson: vaultConfig}); err != nil {
		return err
	}
	v.remote = client.Provider("bench")
	return nil
}

// export makes a volume reachable in one way, under an id; the same again answers
// when it is reachable.
func (v *vault) export(ctx context.Context, id, vid string, kind pb.ConnectionKind) (*pb.Connection, error) {
	x, err := v.remote.Export(ctx, &pb.ExportRequest{
		VolumeId: vid, AttachmentId: id, Owner: owned(id),
		From: &pb.Consumer{Kinds: []pb.ConnectionKind{kind}, Host: vaultHost, InitiatorIqn: imgInitiator, GuestMounts: true},
	})
	return x.GetConnection(), err
}

func owned(id string) *pb.Owner {
	return &pb.Owner{Broker: "bench", Allocation: id, Key: id, Request: id}
}

// close ends the run's machines, then what served them. The volumes are in the
// directory that bench/run removes.
func (v *vault) close() error {
	var fault error
	if len(v.left) > 0 {
		fault = v.bench.close()
	}
	if v.run == "" {
		return fault
	}
	v.crash()
	mounts, _ := os.ReadFile("/proc/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], v.run+"/") {
			_ = syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
	return errors.Join(fault, os.RemoveAll(v.run))
}

// crash ends all processes of the vault, as when its machine does.
func (v *vault) crash() {
	if v.conn != nil {
		_ = v.conn.Close()
	}
	if v.server != nil {
		_ = v.server.Process.Kill()
		_ = v.server.Wait()
		v.server = nil
	}
	for _, pid := range v.daemons() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for begun := time.Now(); len(v.daemons()) > 0 && time.Since(begun) < vaultPatience; {
		time.Sleep(5 * time.Millisecond)
	}
}

// daemons are the processes that serve this vault's bytes, known by where their
// sockets are.
func (v *vault) daemons() (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		switch strings.TrimSpace(string(name)) {
		case "tgtd", "qemu-storage-da", "ganesha.nfsd":
		default:
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if bytes.Contains(append(environ, args...), []byte(v.run+"/")) {
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// setting is a value of KEY=VALUE lines.
func setting(text []byte, key string) string {
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && name == key {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}
