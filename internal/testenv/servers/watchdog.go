package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// workFolder is this process's folder for servers. Its watchdog waits for the end
// of the process, however it ends, then kills the servers named in the folder's
// *.pid files and removes it.
var workFolder = sync.OnceValues(func() (string, error) {
	found, err := findPrograms()
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp(found.folder, "dtde-servers.")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(folder, 0o711); err != nil { // the postgres user must reach below
		return "", err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	watchdog := exec.Command("bash", "-c", watchdogScript, "watchdog", folder)
	watchdog.Stdin = read
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // ctrl-C is for the tests
	if err := watchdog.Start(); err != nil {
		return "", fmt.Errorf("start the watchdog: %w", err)
	}
	_ = read.Close()
	go func() {
		_ = watchdog.Wait()
		// Until here it must stay open: the kernel closes it when the process ends, and a
		// forgotten file's finalizer would do so earlier.
		_ = write.Close()
	}()
	return folder, nil
})

// A process number may belong to a stranger by now: ours names our folder. More
// than once, since an initdb that was running goes on making files.
const watchdogScript = `
work=$1
read -r _
for _ in 1 2 3 4 5; do
  for file in "$work"/*.pid; do
    [ -f "$file" ] || continue
    pid=$(cat "$file")
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$work" || continue
    kill -QUIT "$pid"
    sleep 0.2
    kill -KILL "$pid"
  done 2>/dev/null
  rm -rf "$work" 2>/dev/null
  [ -e "$work" ] || break
  sleep 0.5
done
`

// notePID tells the watchdog of a server.
func notePID(work, name string, pid int) error {
	return os.WriteFile(filepath.Join(work, name+".pid"), fmt.Appendf(nil, "%d\n", pid), 0o600)
}

func forgetPID(work, name string) { _ = os.Remove(filepath.Join(work, name+".pid")) }
