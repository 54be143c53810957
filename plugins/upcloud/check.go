package upcloud

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Check says what the credentials are good for: whose they are, what they may
// have and have, in which zones, at which prices. It only reads, so that whether
// a server may be made shows only when one is made.
func (p *Provider) Check(ctx context.Context) ([]*pb.CheckItem, error) {
	c := &checks{}
	if p.api == nil {
		list := p.listPrices.list
		c.warn("credentials", "none: offers can be quoted and not bought", "give the provider the secret token, or username and password")
		c.ok("prices", fmt.Sprintf("%d list prices in %s, of %s", len(list.Prices), currencyOf(list), list.Revision))
		return c.items, nil
	}
	u, err := p.readUse(ctx) // asked anew: it is what the credentials answer now
	if err != nil || u.account == nil {
		return p.checkDenied(ctx, c), nil
	}
	text := fmt.Sprintf("account %s at %s", u.account.username, p.config.apiHost())
	if u.account.credits != "" { // who may not see bills is not told
		text += fmt.Sprintf(", %s credits", u.account.credits)
	}
	c.ok("credentials", text)
	p.checkRights(ctx, c, u.account.username)
	c.limits(u)
	p.checkShop(ctx, c)
	p.checkImages(ctx, c)
	p.checkNetwork(ctx, c)
	return c.items, nil
}

type checks struct{ items []*pb.CheckItem }

func (c *checks) add(v pb.CheckItem_Verdict, subject, text, hint string) {
	c.items = append(c.items, &pb.CheckItem{Subject: subject, Verdict: v, Text: text, Hint: hint})
}

func (c *checks) ok(subject, text string) { c.add(pb.CheckItem_VERDICT_OK, subject, text, "") }

func (c *checks) warn(subject, text, hint string) {
	c.add(pb.CheckItem_VERDICT_WARNING, subject, text, hint)
}

func (c *checks) bad(subject, text, hint string) {
	c.add(pb.CheckItem_VERDICT_FAILED, subject, text, hint)
}

// checkDenied says why the account could not be read.
func (p *Provider) checkDenied(ctx context.Context, c *checks) []*pb.CheckItem {
	_, err := p.wire.Get(ctx, "/account")
	text := "the account cannot be read"
	if err = failed("read account", "", err, false); err != nil {
		text = err.Error()
	}
	c.bad("credentials", text, "see that the token or password is right, may use the API, and is allowed from this address; and that "+p.config.APIURL+" can be reached")
	return c.items
}

// checkRights looks at what a subaccount may use. A main account may use all.
func (p *Provider) checkRights(ctx context.Context, c *checks, username string) {
	d, err := p.api.GetAccountDetails(ctx, &request.GetAccountDetailsRequest{Username: url.PathEscape(username)})
	switch {
	case err != nil:
		c.warn("rights", "not known: "+failed("read account details", "", err, false).Error(), "")
	case !d.IsSubaccount():
		c.ok("rights", "the main account: everything; whether servers may be made is seen when one is made")
	default:
		servers := slices.ContainsFunc(d.ServerAccess.Server, func(s upcloud.AccountServer) bool { return s.UUID == "*" })
		storages := slices.Contains(d.StorageAccess.Storage, "*")
		text := fmt.Sprintf("a subaccount with the roles %s", strings.Join(d.Roles.Role, ", "))
		if !servers || !storages {
			c.warn("rights", text+", for some servers or storages only", "give the subaccount access to all servers and storages: it must see those that it makes")
			return
		}
		c.ok("rights", text+", for all servers and storages")
	}
}

// limits tells those that offers are held against.
func (c *checks) limits(u *use) {
	var said, full []string
	for _, name := range []string{"cores", "memory", "gpus", "storage_maxiops", "storage_standard", "storage_hdd", "storage_total"} {
		limit, used, known := u.left(name)
		if !known {
			continue
		}
		said = append(said, fmt.Sprintf("%s %d of %d", name, used, limit))
		if used >= limit && (name == "cores" || name == "memory") {
			full = append(full, name)
		}
	}
	switch {
	case len(full) > 0:
		c.warn("limits", strings.Join(said, ", "), "nothing is left of "+strings.Join(full, " and ")+": ask UpCloud to raise the limit, or remove servers")
	case len(said) == 0:
		c.warn("limits", "not known: offers are not held against them", "")
	default:
		c.ok("limits", strings.Join(said, ", "))
	}
}

func (p *Provider) checkShop(ctx context.Context, c *checks) {
	s, err := p.shop(ctx)
	if err != nil {
		c.bad("prices", err.Error(), "")
		return
	}
	var zones []string
	plans := 0
	for _, at := range s.zones {
		zones = append(zones, at.zone)
		plans = max(plans, len(at.sold))
	}
	if len(zones) == 0 {
		c.bad("zones", "none to offer", "see zones in the provider's settings")
	} else {
		c.ok("zones", strings.Join(zones, ", "))
		c.ok("prices", fmt.Sprintf("%d prices in %s, up to %d plans in a zone", len(s.list.Prices), currencyOf(s.list), plans))
	}
	for _, r := range s.leftOut {
		c.warn("zone "+r.GetCandidate(), r.GetText(), "")
	}
}

func (p *Provider) checkImages(ctx context.Context, c *checks) {
	all, err := p.templates.get(ctx)
	if err != nil {
		c.bad("images", failed("read templates", "", err, false).Error(), "")
		return
	}
	for i, im := range p.config.Images {
		var t *template
		for j := range all {
			if p.titles[i].MatchString(all[j].title) {
				t = &all[j]
			}
		}
		if t == nil {
			c.bad("image "+im.label(), fmt.Sprintf("no template has a title that matches %s", im.Template), "see the titles of templates at hub.upcloud.com")
			continue
		}
		c.ok("image "+im.label(), t.title)
	}
	var public []string
	for i := range p.systems {
		if b := p.publicBoot(p.systems[i].names[0], all); b != nil {
			public = append(public, b.of("").title)
		}
	}
	switch {
	case len(public) > 0:
		c.ok("public templates", strings.Join(public, ", "))
	case len(p.config.Images) == 0:
		c.bad("public templates", "none that Meson knows: there is nothing that a server could boot", "add a template to images in the provider's settings")
	}
}

func (p *Provider) checkNetwork(ctx context.Context, c *checks) {
	uuid := p.config.PrivateNetwork
	if uuid == "" {
		return
	}
	zones, err := p.networks.get(ctx)
	switch zone, there := zones[uuid]; {
	case err != nil:
		c.bad("private network", failed("read networks", "", err, false).Error(), "")
	case !there:
		c.bad("private network", "the account has no private network "+uuid, "see the private networks at hub.upcloud.com")
	default:
		c.ok("private network", uuid+" in "+zone+": servers are offered there alone")
	}
}

func currencyOf(l *pricing.List) string {
	if len(l.Prices) == 0 {
		return "no currency"
	}
	return l.Prices[0].Amount.Currency()
}
