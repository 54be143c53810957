package upcloud

// attachable refuses a storage that the server cannot have in a slot of the kind.
func (s *Server) attachable(d *storage, m *machine, kind string) error {
	switch {
	case kind == "cdrom" && d.kind != kindCDROM, kind == "disk" && d.kind != kindNormal:
		return conflict("STORAGE_TYPE_ILLEGAL", "A storage of the type %s cannot be attached as %.20q.", d.kind, kind)
	case kind != "cdrom" && kind != "disk":
		return bad("TYPE_INVALID", "The type %.20q is invalid.", kind)
	case kind == "cdrom":
		return nil
	case d.zone != m.zone.ID:
		return conflict("ZONE_MISMATCH", "The storage %s is in the zone %s, not in %s.", d.uuid, d.zone, m.zone.ID)
	case d.server != "":
		return conflict("STORAGE_ATTACHED_AS_DISK", "The storage %s is already attached to the server %s.", d.uuid, d.server)
	}
	return d.idle()
}
