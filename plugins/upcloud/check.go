package upcloud

import (
	"context"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Check says what the credentials are good for.
func (p *Provider) Check(ctx context.Context) ([]*pb.CheckItem, error) {
	if p.api == nil {
		return []*pb.CheckItem{{
			Subject: "credentials", Verdict: pb.CheckItem_VERDICT_WARNING, Text: "none: offers can be quoted and not bought",
			Hint: "give the provider the secret token, or username and password",
		}}, nil
	}
	account, err := p.api.GetAccount(ctx)
	if err != nil {
		return []*pb.CheckItem{{
			Subject: "credentials", Verdict: pb.CheckItem_VERDICT_FAILED, Text: failed("read account", "", err, false).Error(),
		}}, nil
	}
	return []*pb.CheckItem{{Subject: "credentials", Verdict: pb.CheckItem_VERDICT_OK, Text: "account " + account.UserName}}, nil
}
