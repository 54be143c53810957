package host

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// description checks what a plugin says of itself.
func description(w *pb.DescribeResponse) (core.Description, error) {
	var f faults
	if len(w.GetServices()) > maxServices {
		f.add("services", "%d services: at most %d", len(w.GetServices()), maxServices)
	}
	if len(w.GetConfigSchema()) > maxSchemaBytes || w.GetConfigSchema() != "" && !json.Valid([]byte(w.GetConfigSchema())) {
		f.add("config_schema", "not a JSON document of at most %d bytes", maxSchemaBytes)
	}
	window := time.Duration(w.GetConsistencyWindowMs()) * time.Millisecond
	if window > 24*time.Hour {
		f.add("consistency_window_ms", "%s: at most 24h", window)
	}
	if err := f.err("what the plugin says of itself"); err != nil {
		return core.Description{}, err
	}
	d := core.Description{
		Name: cut(w.GetName(), 64), Version: cut(w.GetVersion(), 64), SDKVersion: cut(w.GetSdkVersion(), 64),
		Summary: cut(w.GetSummary(), maxText), ConfigSchema: w.GetConfigSchema(),
		ConsistencyWindowMS: window.Milliseconds(), LiveInventory: w.GetLiveInventory(),
	}
	for _, service := range w.GetServices() {
		d.Services = append(d.Services, cut(service, 128))
	}
	return d, nil
}

// discoveries are the providers that could be added; those that could not are a
// fault.
func discoveries(plugin string, found []*pb.Discovery) ([]core.Discovery, error) {
	var f faults
	var out []core.Discovery
	for _, d := range found {
		switch {
		case len(out) == maxItems:
			f.add("", "more than %d providers", maxItems)
			return out, f.err("what was discovered")
		case len(d.GetConfigJson()) > maxSettingsBytes || !isObject(d.GetConfigJson()):
			f.add("config_json", "not a JSON object of at most %d bytes", maxSettingsBytes)
		default:
			out = append(out, core.Discovery{
				Plugin: plugin, SuggestedName: cut(d.GetSuggestedName(), 64),
				Settings: []byte(d.GetConfigJson()), Text: cut(d.GetText(), maxText),
			})
		}
	}
	return out, f.err("what was discovered")
}

func isObject(s string) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal([]byte(s), &object) == nil && object != nil
}

// checkItems are what a provider tried; a verdict that is none is a failure.
func checkItems(items []*pb.CheckItem) ([]core.CheckItem, error) {
	var f faults
	var out []core.CheckItem
	for _, item := range items {
		if len(out) == maxItems {
			f.add("", "more than %d items", maxItems)
			break
		}
		verdict, ok := map[pb.CheckItem_Verdict]core.Verdict{
			pb.CheckItem_VERDICT_OK:      core.VerdictOK,
			pb.CheckItem_VERDICT_WARNING: core.VerdictWarning,
			pb.CheckItem_VERDICT_FAILED:  core.VerdictFailed,
		}[item.GetVerdict()]
		if !ok {
			f.add("verdict", "%s: unknown verdict %d", cut(item.GetSubject(), 64), item.GetVerdict())
			verdict = core.VerdictFailed
		}
		out = append(out, core.CheckItem{
			Subject: cut(item.GetSubject(), maxText), Verdict: verdict,
			Text: cut(item.GetText(), maxText), Hint: cut(item.GetHint(), maxText),
		})
	}
	return out, f.err("the check")
}

// priceList checks a list; one fault refuses it.
func priceList(w *pb.PriceList) (*pricing.List, error) {
	list, err := sdk.PriceListFromPB(w)
	if err != nil {
		return nil, fromSDK(err)
	}
	var f faults
	for _, p := range list.Prices {
		if !isID(p.SKU) {
			f.add("sku", "%q: not a name", cut(p.SKU, 64))
		}
	}
	if err := f.err("the price list"); err != nil {
		return nil, err
	}
	return list, nil
}

// reason is a why-not, for people; nothing in it can be wrong, only ugly.
func reason(provider string, w *pb.Reason) core.Reason {
	return core.Reason{
		Provider: provider, Candidate: cut(w.GetCandidate(), maxText), Field: cut(w.GetField(), maxText),
		Want: cut(w.GetWant(), maxText), Have: cut(w.GetHave(), maxText), Text: cut(w.GetText(), maxText),
		Relax: cut(w.GetRelax(), maxText), Until: timeOf(w.GetUntil()),
	}
}

// timeOf is the zero time for a stamp that is absent or out of range.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil || !t.IsValid() {
		return time.Time{}
	}
	return t.AsTime()
}
