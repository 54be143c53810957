// Package host is the broker's side of the plugin contract: it finds plugins,
// starts or dials them, watches them, and ends them, and it turns what they say
// into the nouns of package core.
//
// A plugin is not trusted to behave. It may crash, hang, flood, lie or outstay
// its welcome; none of that may cost the broker more than that plugin's own
// answers. Three rules follow, and the files of this package keep them:
//
//   - Every wait has a deadline, and ending a process never asks its consent:
//     the whole process group gets SIGKILL and is waited for.
//   - Everything received is bounded and checked once, here. What passes is safe
//     to print, to store and to compute with; what does not is named as a fault
//     of that plugin.
//   - A call that may have changed something and did not end in an answer is
//     Uncertain, never a failure.
//
// Linux only, as the plugins are: it leans on process groups, /proc and peer
// credentials.
package host
