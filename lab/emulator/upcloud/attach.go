package upcloud

import (
	"slices"
	"strings"
)

// attachable refuses a storage that the server cannot have in a slot of the kind.
func (s *Server) attachable(d *storage, m *machine, kind string) error {
	switch {
	case kind != "cdrom" && kind != "disk":
		return bad("TYPE_INVALID", "The type %.20q is invalid.", kind)
	case kind == "cdrom" && d.kind != kindCDROM, kind == "disk" && d.kind != kindNormal:
		return conflict("STORAGE_TYPE_ILLEGAL", "A storage of the type %s cannot be attached as %.20q.", d.kind, kind)
	case kind == "cdrom":
		return nil
	case d.zone != m.zone.ID:
		return conflict("ZONE_MISMATCH", "The storage %s is in the zone %s, not in %s.", d.uuid, d.zone, m.zone.ID)
	case d.server != "":
		return conflict("STORAGE_ATTACHED_AS_DISK", "The storage %s is already attached to the server %s.", d.uuid, d.server)
	}
	return d.idle()
}

// attachRequest is what attach, detach and load take.
type attachRequest struct {
	Device struct {
		Address  string `json:"address"`
		BootDisk string `json:"boot_disk"`
		Storage  string `json:"storage"`
		Type     string `json:"type"`
	} `json:"storage_device"`
}

// deviceCall reads a request about the slots of a server that is not in the
// middle of something.
func (s *Server) deviceCall(c *call) (*machine, *attachRequest, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, nil, err
	}
	var r attachRequest
	if err := decode(c.body, &r); err != nil {
		return nil, nil, err
	}
	return m, &r, m.in(stateStarted, stateStopped)
}

// attachStorage puts a storage into a slot; into a started server only on a bus
// that can be plugged.
func (s *Server) attachStorage(c *call) (*reply, error) {
	m, r, err := s.deviceCall(c)
	if err != nil {
		return nil, err
	}
	kind := or(r.Device.Type, "disk")
	bus := "virtio"
	if kind == "cdrom" {
		bus = "ide"
	}
	if len(m.devices) >= maxDevices {
		return nil, conflict("STORAGE_DEVICE_LIMIT_REACHED", "A server can have %d storage devices at most.", maxDevices)
	}
	if !slices.Contains([]string{"", "0", "1"}, r.Device.BootDisk) {
		return nil, bad("BOOT_DISK_INVALID", "The attribute boot_disk has an invalid value.")
	}
	address, err := freeAddress(m.devices, or(r.Device.Address, bus))
	if err != nil {
		return nil, err
	}
	var d *storage
	if r.Device.Storage != "" || kind != "cdrom" {
		if r.Device.Storage == "" {
			return nil, bad("STORAGE_MISSING", "The required attribute storage is missing from the request.")
		}
		if d, err = s.needStorage(r.Device.Storage); err != nil {
			return nil, err
		}
		if err := s.attachable(d, m, kind); err != nil {
			return nil, err
		}
	}
	if err := pluggable(m, address, kind); err != nil {
		return nil, err
	}
	v := &device{address: address, kind: kind, boot: or(r.Device.BootDisk, "0")}
	if d != nil {
		v.storage = d.uuid
		if !d.public {
			d.server = m.uuid
		}
	}
	m.devices = append(m.devices, v)
	return ok(s.serverDetails(m, c.now)), nil
}

// pluggable refuses to change a slot of a running server where its bus cannot.
func pluggable(m *machine, address, kind string) error {
	switch {
	case m.state == stateStopped:
		return nil
	case kind == "cdrom":
		return conflict("CDROM_HOTPLUG_UNSUPPORTED", "A CD-ROM device cannot be changed while the server is running.")
	case strings.HasPrefix(address, "ide"):
		return conflict("IDE_HOTPLUG_UNSUPPORTED", "A device on the IDE bus cannot be changed while the server is running.")
	}
	return nil
}

// detachStorage empties a slot. A disk that was part of the plan costs by itself
// from then on.
func (s *Server) detachStorage(c *call) (*reply, error) {
	m, r, err := s.deviceCall(c)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(m.devices, func(v *device) bool { return v.address == r.Device.Address })
	if i < 0 {
		return nil, conflict("DEVICE_ADDRESS_NOT_IN_USE", "The address %.40s is not in use.", r.Device.Address)
	}
	v := m.devices[i]
	if err := pluggable(m, v.address, v.kind); err != nil {
		return nil, err
	}
	if d := s.storages[v.storage]; d != nil && !d.public {
		if err := d.idle(); err != nil {
			return nil, err
		}
		d.server, d.partOfPlan = "", false
		s.charge(d, c.now)
	}
	m.devices = slices.Delete(m.devices, i, i+1)
	return ok(s.serverDetails(m, c.now)), nil
}

// loadCDROM puts a CD into the server's drive.
func (s *Server) loadCDROM(c *call) (*reply, error) {
	m, r, err := s.deviceCall(c)
	if err != nil {
		return nil, err
	}
	v, err := drive(m)
	if err != nil {
		return nil, err
	}
	if v.storage != "" {
		return nil, conflict("CDROM_DEVICE_IN_USE", "The CD-ROM device of the server %s is in use.", m.uuid)
	}
	d, err := s.needStorage(r.Device.Storage)
	if err != nil {
		return nil, err
	}
	if err := s.attachable(d, m, "cdrom"); err != nil {
		return nil, err
	}
	v.storage = d.uuid
	return ok(s.serverDetails(m, c.now)), nil
}

func (s *Server) ejectCDROM(c *call) (*reply, error) {
	m, _, err := s.deviceCall(c)
	if err != nil {
		return nil, err
	}
	v, err := drive(m)
	if err != nil {
		return nil, err
	}
	v.storage = ""
	return ok(s.serverDetails(m, c.now)), nil
}

func drive(m *machine) (*device, error) {
	for _, v := range m.devices {
		if v.kind == "cdrom" {
			return v, nil
		}
	}
	return nil, conflict("NO_CDROM_DEVICE", "The server %s has no CD-ROM device.", m.uuid)
}
