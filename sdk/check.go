package sdk

import (
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MaxUserDataBytes is the most user data that a Create brings: what the tightest
// of the clouds takes, so that every provider can be asked for the same.
const MaxUserDataBytes = 64 << 10

// Limits that are the same for every plugin.
const (
	maxTokenBytes = 4 << 10
	maxSlots      = 256
	maxForHours   = 10 * 8760
)

// The functions below say what is wrong with a request whichever plugin gets
// it, so that plugins need not. They return nil for a request that is right.

func nameFaults(path, name string) []Fault {
	if ValidLabel(name) {
		return nil
	}
	return []Fault{{Path: path, Have: quote(name), Want: "[a-z0-9-]{1,63}", Text: quote(name) + " is not the name of a provider"}}
}

func missing(path, what string) Fault {
	return Fault{Path: path, Want: what, Text: "missing: want " + what}
}

func checkPledge(p *pb.Pledge) []Fault {
	if p == nil {
		return []Fault{missing("pledge", "a pledge")}
	}
	var faults []Fault
	if p.GetSlots() < 1 || p.GetSlots() > maxSlots {
		faults = append(faults, Fault{
			Path: "pledge.slots", Have: fmt.Sprint(p.GetSlots()), Want: "1 to 256",
			Text: fmt.Sprintf("%d: want 1 to %d", p.GetSlots(), maxSlots),
		})
	}
	if p.GetMemoryMib() < 1 {
		faults = append(faults, Fault{Path: "pledge.memory_mib", Have: "0", Want: "at least 1", Text: "0: want at least 1"})
	}
	return faults
}

func checkHours(hours uint32) []Fault {
	if hours >= 1 && hours <= maxForHours {
		return nil
	}
	return []Fault{{
		Path: "for_hours", Have: fmt.Sprint(hours), Want: fmt.Sprintf("1 to %d", maxForHours),
		Text: fmt.Sprintf("%d: want 1 to %d, such as %d", hours, maxForHours, pricing.Month.Hours()),
	}}
}

func checkOffer(r *pb.OfferRequest) []Fault {
	return append(checkPledge(r.GetPledge()), checkHours(r.GetForHours())...)
}

func checkCreate(r *pb.CreateRequest) []Fault {
	faults := append(OwnerFaults("owner", r.GetOwner()), checkMachineName(r.GetName())...)
	faults = append(faults, checkPledge(r.GetPledge())...)
	switch o := r.GetOffer(); {
	case o == nil || o.GetId() == "":
		faults = append(faults, missing("offer.id", "the offer that the plugin made"))
	case len(o.GetToken()) > maxTokenBytes:
		faults = append(faults, tooLong("offer.token", len(o.GetToken()), maxTokenBytes))
	}
	if why := r.GetOffer().GetQuoteOnly(); why != "" {
		faults = append(faults, Fault{
			Path: "offer.quote_only", Have: quote(why), Want: "an offer that can be bought",
			Text: "the offer can be priced but not bought: " + CleanText(why, 500),
		})
	}
	if n := len(r.GetLogin().GetUserData()); n > MaxUserDataBytes {
		faults = append(faults, tooLong("login.user_data", n, MaxUserDataBytes))
	}
	seen := map[string]bool{}
	for i, a := range r.GetAttachments() {
		path := fmt.Sprintf("attachments[%d]", i)
		faults = append(faults, checkAttachment(path, a)...)
		if seen[a.GetId()] {
			faults = append(faults, Fault{Path: path + ".id", Have: quote(a.GetId()), Want: "an id of its own", Text: quote(a.GetId()) + " is given twice"})
		}
		seen[a.GetId()] = true
	}
	return faults
}

func tooLong(path string, have, most int) Fault {
	return Fault{
		Path: path, Have: fmt.Sprintf("%d bytes", have), Want: fmt.Sprintf("at most %d bytes", most),
		Text: fmt.Sprintf("%d bytes: at most %d", have, most),
	}
}

// checkMachineName holds a name against [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?.
func checkMachineName(name string) []Fault {
	if ValidLabel(name) && !strings.HasPrefix(name, "-") && !strings.HasSuffix(name, "-") {
		return nil
	}
	return []Fault{{
		Path: "name", Have: quote(name), Want: "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
		Text: quote(name) + " is not a name of 1 to 63 of a-z, 0-9 and -, with none of - at its ends",
	}}
}

func checkAttachment(path string, a *pb.Attachment) []Fault {
	var faults []Fault
	if id := a.GetId(); !ValidLabel(id) || len(id) > 20 {
		faults = append(faults, Fault{
			Path: path + ".id", Have: quote(id), Want: "[a-z0-9-]{1,20}",
			Text: quote(id) + " is not an id of 1 to 20 of a-z, 0-9 and -",
		})
	}
	if a.GetConnection().GetPath() == nil {
		faults = append(faults, missing(path+".connection", "the way to the volume"))
	}
	return faults
}

// checkRef is for calls that name one object by key or by id.
func checkRef(owner *pb.Owner, id string) []Fault {
	var faults []Fault
	switch {
	case owner.GetKey() == "" && id == "":
		faults = append(faults, missing("id", "owner.key or id"))
	case owner.GetKey() != "" && id != "":
		faults = append(faults, Fault{Path: "id", Have: quote(id), Want: "owner.key or id", Text: "both owner.key and id are set"})
	case owner.GetKey() != "":
		faults = append(labelFault("owner.key", owner.GetKey()), labelFault("owner.broker", owner.GetBroker())...)
	case owner.GetBroker() != "":
		faults = labelFault("owner.broker", owner.GetBroker())
	}
	return append(faults, checkIDLength(id)...)
}

func checkIDLength(id string) []Fault {
	if len(id) <= MaxTextBytes {
		return nil
	}
	return []Fault{tooLong("id", len(id), MaxTextBytes)}
}

// checkID is for calls on a machine that the broker knows by id.
func checkID(id, broker string) []Fault {
	faults := checkIDLength(id)
	if id == "" {
		faults = append(faults, missing("id", "the machine's id"))
	}
	if broker != "" {
		faults = append(faults, labelFault("broker", broker)...)
	}
	return faults
}

func checkPower(r *pb.SetPowerRequest) []Fault {
	faults := checkID(r.GetId(), r.GetBroker())
	if _, known := pb.SetPowerRequest_Action_name[int32(r.GetAction())]; !known || r.GetAction() == pb.SetPowerRequest_ACTION_UNSPECIFIED {
		faults = append(faults, Fault{
			Path: "action", Have: r.GetAction().String(), Want: "start, stop, stop hard, reboot or reboot hard",
			Text: r.GetAction().String() + ": want start, stop, stop hard, reboot or reboot hard",
		})
	}
	return faults
}

func checkVolumeSpec(s *pb.VolumeSpec) []Fault {
	if s.GetSizeBytes() > 0 {
		return nil
	}
	return []Fault{missing("spec.size_bytes", "the size of the volume")}
}

func checkCreateVolume(r *pb.CreateVolumeRequest) []Fault {
	faults := append(OwnerFaults("owner", r.GetOwner()), checkMachineName(r.GetName())...)
	faults = append(faults, checkVolumeSpec(r.GetSpec())...)
	switch o := r.GetOffer(); {
	case o == nil || o.GetId() == "":
		faults = append(faults, missing("offer.id", "the offer that the plugin made"))
	case len(o.GetToken()) > maxTokenBytes:
		faults = append(faults, tooLong("offer.token", len(o.GetToken()), maxTokenBytes))
	}
	return faults
}

func checkExport(r *pb.ExportRequest) []Fault {
	faults := append(OwnerFaults("owner", r.GetOwner()), checkVolumeUse(r.GetVolumeId(), r.GetAttachmentId())...)
	return faults
}

func checkVolumeUse(volume, attachment string) []Fault {
	var faults []Fault
	if volume == "" {
		faults = append(faults, missing("volume_id", "the volume's id"))
	}
	if !ValidLabel(attachment) {
		faults = append(faults, labelFault("attachment_id", attachment)...)
	}
	return faults
}
