package iscsi

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Check looks at every vault, at the programs that serve volumes, and at the ways to
// them. It changes nothing.
func (p *Provider) Check(ctx context.Context) ([]*pb.CheckItem, error) {
	var items []*pb.CheckItem
	for _, at := range p.store.vaults {
		items = append(items, p.checkVault(ctx, at)...)
	}
	items = append(items, p.checkTools(ctx)...)
	return append(items, p.checkWays()...), nil
}

func item(subject string, verdict pb.CheckItem_Verdict, text, hint string) *pb.CheckItem {
	return &pb.CheckItem{Subject: subject, Verdict: verdict, Text: sdk.CleanText(text, 500), Hint: hint}
}

func (p *Provider) checkVault(ctx context.Context, at *place) []*pb.CheckItem {
	const ok, warning, failed = pb.CheckItem_VERDICT_OK, pb.CheckItem_VERDICT_WARNING, pb.CheckItem_VERDICT_FAILED
	subject := "vault " + at.name
	all, err := at.vault.List(ctx)
	if err != nil {
		return []*pb.CheckItem{item(subject, failed, err.Error(), "the user that the plugin runs as must be able to read and write "+at.vault.Root())}
	}
	items := []*pb.CheckItem{}
	if sp, err := at.vault.Space(ctx); err != nil {
		items = append(items, item(subject+" space", failed, err.Error(), ""))
	} else {
		text := fmt.Sprintf("%s: %d volumes of %s together, %s of %s free", at.vault.Root(), sp.Volumes, gibText(sp.ProvisionedBytes), gibText(sp.FreeBytes), gibText(sp.TotalBytes))
		verdict := ok
		if sp.FreeBytes <= uint64(p.config.ReserveGiB)<<30 {
			verdict = warning
		}
		items = append(items, item(subject+" space", verdict, text, ""))
	}
	if err := p.store.writes(at); err != nil {
		items = append(items, item(subject+" writing", failed, err.Error(), "the vault must be writable for the user that the plugin runs as"))
	}
	for _, fault := range at.vault.Faults() {
		items = append(items, item(subject, warning, fault, ""))
	}
	damaged := 0
	for _, v := range all {
		if len(v.Faults) == 0 {
			continue
		}
		if damaged++; damaged <= 10 {
			items = append(items, item(subject+" volume "+cmp.Or(v.ID, v.Folder), warning, v.Faults[0].Text, "nothing of it is touched until "+v.Folder+" is right"))
		}
	}
	if damaged > 10 {
		items = append(items, item(subject, warning, fmt.Sprintf("%d more volumes have faults", damaged-10), "meson volume ls names them"))
	}
	return items
}

// checkTools tries the programs that are needed for what the settings ask for.
func (p *Provider) checkTools(ctx context.Context) []*pb.CheckItem {
	var items []*pb.CheckItem
	if err := p.store.images.Check(); err != nil {
		items = append(items, item("images", pb.CheckItem_VERDICT_FAILED, err.Error(), "Debian has them in qemu-utils and qemu-system-common"))
	}
	for _, t := range []struct {
		wanted           bool
		name, path, pack string
		args             []string
	}{
		{true, "qemu-img", "qemu-img", "qemu-utils", []string{"--version"}},
		{true, "qemu-storage-daemon", "qemu-storage-daemon", "qemu-system-common", []string{"--version"}},
		{p.store.targets != nil, "tgtd", "/usr/sbin/tgtd", "tgt", []string{"--version"}},
		{p.store.shares != nil, "ganesha.nfsd", "ganesha.nfsd", "nfs-ganesha and nfs-ganesha-vfs", []string{"-v"}},
	} {
		if !t.wanted {
			continue
		}
		path, err := exec.LookPath(t.name)
		if err != nil {
			path, err = exec.LookPath(t.path)
		}
		if err != nil {
			items = append(items, item(t.name, pb.CheckItem_VERDICT_FAILED, "it is not there", "install the package "+t.pack))
			continue
		}
		out, err := exec.CommandContext(ctx, path, t.args...).CombinedOutput()
		version, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if err != nil && version == "" {
			items = append(items, item(t.name, pb.CheckItem_VERDICT_FAILED, err.Error(), "install the package "+t.pack))
			continue
		}
		items = append(items, item(t.name, pb.CheckItem_VERDICT_OK, version, ""))
	}
	return items
}

// checkWays says from where volumes are reached.
func (p *Provider) checkWays() []*pb.CheckItem {
	const ok, warning = pb.CheckItem_VERDICT_OK, pb.CheckItem_VERDICT_WARNING
	var items []*pb.CheckItem
	if host := p.store.host; host != "" {
		items = append(items, item("files", ok, "machines of the host "+host+" open images themselves", ""))
	} else {
		items = append(items, item("files", warning, "how libvirt names this host is not known, so no machine opens images itself", p.config.toSet("host_uuid")+": the uuid that `virsh capabilities` prints, or none"))
	}
	if p.config.Address == "" {
		items = append(items, item("iscsi", warning, "volumes are not exported over iSCSI", p.config.toSet("address")))
	} else {
		items = append(items, item("iscsi", ok, fmt.Sprintf("%s, ports %d to %d", p.config.Address, p.config.FirstPort, p.config.LastPort), ""))
	}
	if p.config.NFSAddress != "" {
		items = append(items, item("nfs", ok, p.config.NFSAddress+" for "+strings.Join(p.config.NFSClients, ", "), ""))
	}
	return items
}
