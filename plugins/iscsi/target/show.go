package target

import (
	"net/netip"
	"strconv"
	"strings"
)

// shown is a target as tgtd lists it.
type shown struct {
	tid      int32
	name     string
	state    string
	luns     []shownLUN
	accounts []string
	// rules are the names and addresses that are admitted.
	rules []string
}

type shownLUN struct {
	lun      uint64
	store    string
	path     string
	online   bool
	readOnly bool
	unmaps   bool
}

// parseTargets reads what tgtd shows of its targets. An initiator that is logged
// in writes some of it: its alias stands there as it sent it, line ends included.
// So nothing is believed of a line but what is set here in any case, and lines
// that are not understood are passed over. What must be known for sure, whether a
// target is there and who is connected, is asked by its number; see sessions.
func parseTargets(text string) []shown {
	var all []shown
	var section string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		depth := 0
		for strings.HasPrefix(line, "    ") {
			line, depth = line[4:], depth+1
		}
		if depth == 0 {
			number, name, ok := strings.Cut(strings.TrimPrefix(line, "Target "), ": ")
			tid, err := strconv.ParseInt(number, 10, 32)
			if ok && err == nil && strings.HasPrefix(line, "Target ") && len(all) < 4*maxTargets {
				all = append(all, shown{tid: int32(tid), name: name})
				section = ""
			}
			continue
		}
		if len(all) == 0 {
			continue
		}
		t := &all[len(all)-1]
		if depth == 1 {
			section = strings.TrimSuffix(line, " information:")
			continue
		}
		t.add(section, depth, line)
	}
	return all
}

// add takes a line of one of the target's sections.
func (t *shown) add(section string, depth int, line string) {
	key, value, _ := strings.Cut(line, ": ")
	switch {
	case section == "System" && key == "State":
		t.state = value
	case section == "Account" && depth == 2:
		t.accounts = append(t.accounts, line)
	case section == "ACL" && depth == 2:
		t.rules = append(t.rules, line)
	case section == "LUN" && depth == 2 && key == "LUN":
		if n, err := strconv.ParseUint(value, 10, 64); err == nil && len(t.luns) < 16 {
			t.luns = append(t.luns, shownLUN{lun: n})
		}
	case section == "LUN" && depth == 3 && len(t.luns) > 0:
		unit := &t.luns[len(t.luns)-1]
		switch key {
		case "Online":
			unit.online = value == "Yes"
		case "Readonly":
			unit.readOnly = value == "Yes"
		case "Thin-provisioning":
			unit.unmaps = value == "Yes"
		case "Backing store type":
			unit.store = value
		case "Backing store path":
			unit.path = value
		}
	}
}

// unit is the target's volume; nil if it has none.
func (t *shown) unit() *shownLUN {
	for i := range t.luns {
		if t.luns[i].lun == LUN {
			return &t.luns[i]
		}
	}
	return nil
}

// session is one that is logged in: tgtd shows the name that the password was
// shown for, and the address.
type session struct {
	sid       uint64
	cid       uint32
	initiator string
	address   string
}

// parseSessions reads the connections of one target.
func parseSessions(text string) []session {
	const most = 4096
	var all []session
	var sid uint64
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Session":
			sid, _ = strconv.ParseUint(value, 10, 64)
		case "Connection":
			if cid, err := strconv.ParseUint(value, 10, 32); err == nil && len(all) < most {
				all = append(all, session{sid: sid, cid: uint32(cid)})
			}
		case "Initiator":
			if len(all) > 0 {
				all[len(all)-1].initiator = value
			}
		case "IP Address":
			if addr, err := netip.ParseAddr(value); err == nil && len(all) > 0 {
				all[len(all)-1].address = addr.Unmap().String()
			}
		}
	}
	return all
}

// parsePortals reads what a daemon listens on, as address:port.
func parsePortals(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		at, ok := strings.CutPrefix(strings.TrimSpace(line), "Portal: ")
		if !ok {
			continue
		}
		if i := strings.LastIndexByte(at, ','); i >= 0 {
			at = at[:i]
		}
		if p, err := netip.ParseAddrPort(at); err == nil && len(all) < 64 {
			all = append(all, p.String())
		}
	}
	return all
}
