package kvm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk/pb"
)

// BenchmarkCreate tells what a Create takes beyond the start of its domain: the
// claim, the disks, the marks; and what defining and starting the same domain
// takes alone.
func BenchmarkCreate(b *testing.B) {
	l := theLab(b)
	var last time.Time
	spent := map[string]time.Duration{}
	p := openProvider(b, l.config("boot", l.hosts()[0]), Hooks{Step: func(name string) {
		spent[name] += time.Since(last)
		last = time.Now()
	}})
	broker := unique(b)
	var whole, bare time.Duration
	n := 0
	for b.Loop() {
		n++
		req := labRequest(b, p, broker, fmt.Sprintf("%s-%d", broker, n), bootPledge())
		away(b, p, req.GetOwner())
		last = time.Now()
		began := last
		in := until(b, p, req)
		whole += time.Since(began)
		bare += defineAndStart(b, p.places[0], in.GetId())
		if err := p.Delete(b.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
			b.Fatal(err)
		}
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(n) }
	b.ReportMetric(ms(whole), "create-ms")
	b.ReportMetric(ms(whole-spent["machine.started"]), "beside-start-ms")
	b.ReportMetric(ms(bare), "bare-define+start-ms")
}

// defineAndStart stops a machine and takes the time of what virsh would do.
func defineAndStart(b *testing.B, at *place, uuid string) time.Duration {
	b.Helper()
	took, err := hosts.Ask(b.Context(), at.host, "define and start", func(c *libvirt.Connect) (time.Duration, error) {
		d, err := c.LookupDomainByUUIDString(uuid)
		if err != nil {
			return 0, err
		}
		defer d.Free()
		if err := d.Destroy(); err != nil {
			return 0, err
		}
		doc, err := d.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
		if err != nil {
			return 0, err
		}
		began := time.Now()
		again, err := c.DomainDefineXML(doc)
		if err != nil {
			return 0, err
		}
		defer again.Free()
		err = again.Create()
		return time.Since(began), err
	})
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// BenchmarkOffer is an answer from hosts that are known.
func BenchmarkOffer(b *testing.B) {
	l := theLab(b)
	p := openProvider(b, l.config("boot", l.hosts()...), Hooks{})
	ask := func() (n int) {
		err := p.Offer(context.Background(), &pb.OfferRequest{Pledge: bootPledge(), ForHours: 730}, func(r *pb.OfferResponse) error {
			n += len(r.GetOffers())
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	began := time.Now()
	ask()
	cold := time.Since(began)
	for b.Loop() {
		if n := ask(); n == 0 {
			b.Fatal("no offer")
		}
	}
	b.ReportMetric(float64(cold.Microseconds())/1000, "cold-ms")
}
