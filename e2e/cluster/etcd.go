package main

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

type etcdOptions struct {
	dataDir, clientURL, peerURL string
	unsafeNoFsync               bool
}

// newEtcdCommand runs a single-member etcd until SIGINT or SIGTERM.
func newEtcdCommand() *cobra.Command {
	var options etcdOptions
	command := &cobra.Command{
		Use:          "etcd",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE:         func(*cobra.Command, []string) error { return options.run() },
	}
	flags := command.Flags()
	flags.StringVar(&options.dataDir, "data-dir", "default.etcd", "folder of the data")
	flags.StringVar(&options.clientURL, "listen-client-url", "http://127.0.0.1:2379", "where the API server connects")
	flags.StringVar(&options.peerURL, "listen-peer-url", "http://127.0.0.1:2380", "where members would connect")
	flags.BoolVar(&options.unsafeNoFsync, "unsafe-no-fsync", false, "do not wait for the disk: for throw-away clusters")
	return command
}

func (o *etcdOptions) run() error {
	config, err := o.config()
	if err != nil {
		return err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("failed to start etcd: %w", err)
	}
	defer server.Close()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(time.Minute):
		return fmt.Errorf("etcd is not ready after a minute")
	case <-stop:
		return nil
	}
	select {
	case <-stop:
		return nil
	case err := <-server.Err():
		return err
	}
}

func (o *etcdOptions) config() (*embed.Config, error) {
	client, err := url.Parse(o.clientURL)
	if err != nil {
		return nil, fmt.Errorf("bad client URL: %w", err)
	}
	peer, err := url.Parse(o.peerURL)
	if err != nil {
		return nil, fmt.Errorf("bad peer URL: %w", err)
	}
	config := embed.NewConfig()
	config.Name, config.Dir, config.LogLevel = "default", o.dataDir, "warn"
	config.UnsafeNoFsync = o.unsafeNoFsync
	config.QuotaBackendBytes = 2 << 30
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	// One member elects itself: a short election only makes the start quicker.
	config.TickMs, config.ElectionMs = 50, 250
	return config, nil
}
