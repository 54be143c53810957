package image

// Plan is the next change by which the volume's files become fewer: layers that
// nobody asks for are merged or removed, and a chain of MaxDepth files or more is
// shortened. A layer that another folder has a link to takes no space of its own:
// it is merged only to shorten the chain. It has no ID yet. False: there is nothing
// to do, now. Such changes may take long; they belong in the background.
func (e *Engine) Plan(v Volume) (Change, bool, error) {
	for _, x := range v.Layout.Layers {
		if x.Snapshot {
			continue
		}
		children, active := v.Layout.Children(x.ID)
		switch {
		case len(children) == 0 && !active:
			return Change{Op: OpRemove, Layer: x.ID}, true, nil
		case len(children) == 1 && !active, len(children) == 0 && active:
			child := Layer{Format: v.Layout.Format}
			if !active {
				child = children[0]
			}
			c, ok, err := v.planMerge(x, child)
			if err != nil || ok {
				return c, ok, err
			}
		}
	}
	if v.Layout.Long() {
		return e.planShorter(v)
	}
	return Change{}, false, nil
}

// planShorter takes one file out of the chain: a layer gets a copy of what the one
// below it holds, and stands on what that one stands on. The one below is still there
// for who asked for it; so of all pairs the smallest is taken, of equal ones the
// oldest. However many snapshots are kept, each byte is copied few times by that.
func (e *Engine) planShorter(v Volume) (Change, bool, error) {
	var best Change
	var least uint64
	below := v.Layout.Below(v.Layout.Parent)
	for i := len(below) - 2; i >= 0; i-- {
		c := Change{Op: OpPull, Layer: below[i].ID, Base: below[i+1].Parent}
		cost, err := e.Cost(v, c)
		if err != nil {
			return Change{}, false, err
		}
		if best.Op == "" || cost < least {
			best, least = c, cost
		}
	}
	return best, best.Op != "", nil
}

// Cost is about how many bytes a merge of Plan copies.
func (e *Engine) Cost(v Volume, c Change) (uint64, error) {
	var copied []string
	switch {
	case c.Op == OpPush:
		copied = []string{c.Child}
	case c.Op == OpPull:
		from, _ := v.Layout.Layer(c.Layer)
		if c.Layer == "" {
			from.Parent = v.Layout.Parent
		} else {
			copied = []string{c.Layer} // a frozen file is copied itself
		}
		for _, x := range v.Layout.Below(from.Parent) {
			if x.ID == c.Base {
				break
			}
			copied = append(copied, x.ID)
		}
	}
	var out uint64
	for _, id := range copied {
		st, err := stat(v.path(id))
		if err != nil {
			return 0, failed("plan", v.Dir, err)
		}
		out += usedBytes(st)
	}
	return out, nil
}

// planMerge chooses the cheaper direction of those that are possible; child has no
// ID if it is the active file.
func (v Volume) planMerge(x, child Layer) (Change, bool, error) {
	st, err := stat(v.path(x.ID))
	if err != nil {
		return Change{}, false, failed("plan", v.Dir, err)
	}
	if st.Nlink > 1 {
		return Change{}, false, nil
	}
	above, err := stat(v.path(child.ID))
	if err != nil {
		return Change{}, false, failed("plan", v.Dir, err)
	}
	if child.ID == "" && v.Daemon != nil {
		return Change{}, false, nil
	}
	// A frozen child is copied, the active file is not.
	up, down := usedBytes(st), usedBytes(above)
	if child.ID != "" {
		up += down
	}
	if (child.ID == "" || child.Format == x.Format) && down <= up {
		return Change{Op: OpPush, Layer: x.ID, Child: child.ID}, true, nil
	}
	return Change{Op: OpPull, Layer: child.ID, Base: x.Parent}, true, nil
}
