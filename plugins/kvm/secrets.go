package kvm

import (
	"context"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
)

// The password of a volume is a secret of libvirt's: on no disk, since it is
// ephemeral; told to nobody, since it is private; in no argument of QEMU's, to which
// libvirt hands it encrypted. Whoever starts libvirtd anew, starts it without: a
// running machine has no need of it any more, and before the next start of one that
// is stopped the volume is attached again.

// keepSecret makes the secret of an attachment, or sets it again.
func (at *place) keepSecret(ctx context.Context, uuid string, l *link.Link) error {
	if l.ISCSI == nil || l.ISCSI.User == "" {
		return nil
	}
	doc, err := link.Secret(uuid, l.ID)
	if err != nil {
		return err
	}
	ctx, cancel := effect(ctx)
	defer cancel()
	return at.host.Do(ctx, "keep password", func(c *libvirt.Connect) error {
		s, err := c.SecretDefineXML(doc, 0)
		if err != nil {
			return err
		}
		defer s.Free()
		return s.SetValue([]byte(l.ISCSI.Password.Reveal()), 0)
	})
}

// dropSecret removes the secret of an attachment; one that is not there is done.
func (at *place) dropSecret(ctx context.Context, uuid, id string) error {
	ctx, cancel := effect(ctx)
	defer cancel()
	return at.host.Do(ctx, "remove password", func(c *libvirt.Connect) error {
		s, err := c.LookupSecretByUUIDString(link.SecretUUID(uuid, id))
		if hosts.Is(err, libvirt.ERR_NO_SECRET) || unsupported(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer s.Free()
		if err := s.Undefine(); !hosts.Is(err, libvirt.ERR_NO_SECRET) {
			return err
		}
		return nil
	})
}

// dropSecrets removes every secret of a machine, known from its records or not.
func (at *place) dropSecrets(ctx context.Context, uuid string) error {
	ctx, cancel := effect(ctx)
	defer cancel()
	return at.host.Do(ctx, "remove passwords", func(c *libvirt.Connect) error {
		all, err := c.ListAllSecrets(0)
		if unsupported(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range all {
			s := &all[i]
			usage, e := s.GetUsageID()
			if e == nil && strings.HasPrefix(usage, link.SecretPrefix(uuid)) {
				if e := s.Undefine(); e != nil && !hosts.Is(e, libvirt.ERR_NO_SECRET) {
					err = e
				}
			}
			_ = s.Free()
		}
		return err
	})
}
