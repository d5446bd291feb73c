// SPDX-License-Identifier: Apache-2.0
/*
 * Places that nobody wants opened in passing: what holds credentials, what others run or obey later, and sockets behind which
 * somebody else acts. They are a policy of their own, so that asking costs the length of a name.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "policy/learn_internal.h"

/* By their names, for `git init` writes samples beside them. */
#define HOOKS "hooks/{applypatch-msg,commit-msg,prepare-commit-msg,sendemail-validate,update,fsmonitor-watchman,reference-transaction," \
	"push-to-checkout,proc-receive,p4-{changelist,post-changelist,pre-submit,prepare-changelist}," \
	"pre-{applypatch,auto-gc,commit,merge-commit,push,rebase,receive}," \
	"post-{applypatch,checkout,commit,index-change,merge,receive,rewrite,update}}"

static const struct vantio_place_entry places[] = {
	/* credentials */
	{ "**/.ssh/**", "keys and hosts of SSH", PLACE_SECRET },
	{ "**/id_{rsa,dsa,ecdsa,ed25519,ecdsa_sk,ed25519_sk}", "a private key of SSH", PLACE_SECRET },
	{ "**/.gnupg/**", "keys of GnuPG", PLACE_SECRET },
	{ "**/.password-store/**", "passwords", PLACE_SECRET },
	{ "**/.local/share/keyrings/**", "a keyring", PLACE_SECRET },
	{ "**/*.{key,p12,pfx,jks,keystore,kdbx,ppk}", "a private key or a store of them", PLACE_SECRET },
	{ "**/{privkey*,*[_.-]key}.pem", "a private key", PLACE_SECRET },
	{ "**/.{netrc,pgpass,my.cnf,git-credentials,vault-token,npmrc,yarnrc.yml,pypirc}", "credentials", PLACE_SECRET },
	{ "**/.config/git/credentials", "credentials of git", PLACE_SECRET },
	{ "**/.config/{gh,glab-cli,hub,op,sops,age,rclone,doctl,heroku,netlify,stripe}/**", "credentials of a service", PLACE_SECRET },
	{ "**/.{aws,azure,kube,oci,databrickscfg}/**", "credentials of a cloud", PLACE_SECRET },
	{ "**/.config/gcloud/**", "credentials of a cloud", PLACE_SECRET },
	{ "**/.terraform.d/credentials.tfrc.json", "credentials of Terraform", PLACE_SECRET },
	{ "**/.{docker/config.json,config/containers/auth.json,dockercfg}", "credentials of a container registry", PLACE_SECRET },
	{ "**/.{cargo/credentials{,.toml},gem/credentials,bundle/config,m2/settings{,-security}.xml,gradle/gradle.properties}",
	  "credentials of a package registry", PLACE_SECRET },
	{ "**/.{claude/.credentials.json,claude.json,codex/auth.json,gemini/oauth_creds.json,config/github-copilot/**}",
	  "credentials of a coding agent", PLACE_SECRET },
	{ "**/.env{,.local,.development,.production,.staging,.test}", "variables that mostly hold credentials", PLACE_SECRET },
	{ "**/.{bash,zsh,python,node_repl,psql,mysql,rediscli,sqlite,lesshst,irb}_history", "what somebody typed", PLACE_SECRET },
	{ "**/.{mozilla,thunderbird}/**", "a browser's profile", PLACE_SECRET },
	{ "**/.config/{google-chrome*,chromium,BraveSoftware,microsoft-edge*,vivaldi,opera}/**", "a browser's profile", PLACE_SECRET },
	{ "**/snap/{firefox,chromium}/**", "a browser's profile", PLACE_SECRET },
	{ "/etc/{shadow,gshadow,master.passwd}{,-}", "password hashes", PLACE_SECRET },
	{ "/etc/{sudoers,sudoers.d/**,krb5.keytab,ipsec.secrets}", "who may become root", PLACE_SECRET },
	{ "/etc/ssh/ssh_host_*", "the host's keys", PLACE_SECRET },
	{ "/etc/{ssl/private,wireguard,vantio,NetworkManager/system-connections,letsencrypt}/**", "keys of this host", PLACE_SECRET },
	{ "/{run,var/run}/{secrets,credentials,agenix}/**", "credentials of services", PLACE_SECRET },
	{ "/var/{mail,spool/mail}/**", "mail", PLACE_SECRET },
	{ "/var/lib/{vantio,docker,containerd,kubelet}/**", "the state of what governs this host", PLACE_SECRET },
	{ "/proc/**/{mem,environ}", "a process's memory or environment", PLACE_SECRET },
	{ "/proc/{kcore,kmsg,kpagecgroup,kpagecount,kpageflags}", "the kernel's memory", PLACE_SECRET },
	{ "/dev/{mem,kmem,port,kmsg,uinput,input/**,mapper/**}", "a device behind which all else lies", PLACE_SECRET },
	{ "/dev/{sd,hd,vd,xvd,nvme,mmcblk,dm-,md,loop}[a-z0-9]*", "a disk", PLACE_SECRET },

	/* what others run or obey */
	{ "**/.git/modules/**/" HOOKS, "programs that git runs for whoever works there", PLACE_OBEYED },
	{ "**/.git/" HOOKS, "programs that git runs for whoever works there", PLACE_OBEYED },
	{ "**/.{bashrc,bash_profile,bash_login,bash_logout,bash_aliases,profile}", "what a shell runs when it starts", PLACE_OBEYED },
	{ "**/.{zshrc,zshenv,zprofile,zlogin,zlogout,kshrc,cshrc,tcshrc,login,inputrc}", "what a shell runs when it starts", PLACE_OBEYED },
	{ "**/.{xprofile,xinitrc,xsession,xsessionrc,Xresources,pam_environment}", "what a session runs when it starts", PLACE_OBEYED },
	{ "**/.config/{fish,autostart,systemd,environment.d,plasma-workspace}/**", "what a session runs when it starts", PLACE_OBEYED },
	{ "**/.local/share/{applications,systemd,dbus-1}/**", "what a session runs when asked", PLACE_OBEYED },
	{ "**/.local/bin/**", "programs that a shell finds first", PLACE_OBEYED },
	{ "**/.gitconfig", "what git runs for its user", PLACE_OBEYED },
	{ "**/.config/git/config", "what git runs for its user", PLACE_OBEYED },
	{ "**/.envrc", "what direnv runs", PLACE_OBEYED },
	{ "**/.{vscode,idea}/**", "what an editor runs", PLACE_OBEYED },
	{ "**/.{vimrc,exrc,emacs,vim/**,emacs.d/**,config/nvim/**}", "what an editor runs", PLACE_OBEYED },
	{ "/etc/**", "how this host is set up", PLACE_OBEYED },
	{ "/{usr,boot,bin,sbin,lib,lib32,lib64,libx32}/**", "programs of this host", PLACE_OBEYED },
	{ "/var/spool/{cron,at,anacron}/**", "what runs at set times", PLACE_OBEYED },
	{ "/{sys,proc/sys}/**", "how the kernel is set up", PLACE_OBEYED },
	{ "/proc/sysrq-trigger", "how the kernel is set up", PLACE_OBEYED },
	{ "/{run,var/lib}/{systemd,udev,dbus-1}/**", "what the service manager obeys", PLACE_OBEYED },

	/* what acts as another, or later */
	{ "/{,usr/,usr/local/}{bin,sbin}/{sudo,sudoedit,su,doas,pkexec,run0,runuser,newgrp,sg,chsh,chfn,passwd,gpasswd,chage}", "it acts as another user", PLACE_PROGRAM },
	{ "/{,usr/,usr/local/}{bin,sbin}/{systemctl,systemd-run,crontab,at,batch,busctl,loginctl,machinectl}", "what it starts outlives the agent", PLACE_PROGRAM },
	{ "/{,usr/,usr/local/}{bin,sbin}/{docker,podman,nerdctl,ctr,kubectl,nsenter,chroot,mount,umount,fusermount,fusermount3}", "it leads out of what governs the agent", PLACE_PROGRAM },

	/* whoever answers there acts for the caller */
	{ "unix:/run/{docker.sock,containerd/**,podman/**,crio/**,buildkit/**,lxd/**,libvirt/**,snapd*}", "a service that runs programs as root", PLACE_NET },
	{ "unix:**/{docker,podman,buildkitd,containerd}.sock", "a service that runs programs as root", PLACE_NET },
	{ "unix:/run/dbus/**", "D-Bus of the system", PLACE_NET },
	{ "unix:/run/user/*/{bus,dbus-1/**,systemd/**}", "D-Bus of the session", PLACE_NET },
	{ "unix:/run/systemd/{private,notify,machine/**,userdb/io.systemd.Machine}", "the service manager", PLACE_NET },
	{ "unix:/run/user/*/{keyring,gnupg,gcr,ssh-agent*,openssh_agent}/**", "an agent that holds keys", PLACE_NET },
	{ "unix:/tmp/ssh-*/**", "an agent that holds keys", PLACE_NET },
	{ "unix:**/{S.gpg-agent,S.gpg-agent.*,agent.*}", "an agent that holds keys", PLACE_NET },
	{ "unix:/tmp/.X11-unix/**", "the display: it sees and types what the user does", PLACE_NET },
	{ "unix:/run/user/*/wayland-*", "the display", PLACE_NET },
	{ "169.254.0.0/16", "metadata of a cloud, which hands out credentials", PLACE_NET },
	{ "[fe80::]/10", "metadata of a cloud, or the local link", PLACE_NET },
	{ "[fd00:ec2::]/32", "metadata of a cloud, which hands out credentials", PLACE_NET },
	{ "100.100.100.200", "metadata of a cloud, which hands out credentials", PLACE_NET },
	{ "192.0.0.192", "metadata of a cloud, which hands out credentials", PLACE_NET },
	{ "168.63.129.16", "metadata of a cloud, which hands out credentials", PLACE_NET },
};

const struct vantio_place_entry *vantio_place_nth(size_t i)
{
	return i < VANTIO_ARRAY_SIZE(places) ? &places[i] : NULL;
}

/* ---- asking ---- */

static void put_list(struct vantio_buf *out, const char *key, unsigned int kinds)
{
	size_t i;

	vantio_buf_printf(out, "%s = [", key);
	for (i = 0; i < VANTIO_ARRAY_SIZE(places); i++)
		if (kinds >> places[i].kind & 1)
			vantio_buf_printf(out, "'%s',", places[i].glob);
	vantio_buf_puts(out, "]\n");
}

int vantio_places_open(struct vantio_policy **ret, struct vantio_image **ret_image, struct vantio_error *err)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_diagnostics diags = { 0 };
	int r;

	vantio_buf_puts(&text, "schema = 1\nname = \"places\"\n[file]\ndefault = \"deny\"\n");
	put_list(&text, "read", 1u << PLACE_SECRET);
	put_list(&text, "write", 1u << PLACE_SECRET | 1u << PLACE_OBEYED);
	vantio_buf_puts(&text, "[exec]\ndefault = \"deny\"\n");
	put_list(&text, "allow", 1u << PLACE_PROGRAM);
	vantio_buf_puts(&text, "[network]\ndefault = \"deny\"\n");
	put_list(&text, "connect", 1u << PLACE_NET);
	if (text.failed)
		return vantio_fail(err, ENOMEM, "out of memory");
	r = vantio_policy_parse(text.data, text.len, "places", NULL, ret, &diags, err);
	vantio_diagnostics_free(&diags);
	return r ? r : vantio_image_compile(*ret, NULL, ret_image, err);
}

const struct vantio_place_entry *vantio_place_find(const struct vantio_learn *l, enum vantio_list list, const char *target)
{
	const char *op = list >= VANTIO_LIST_NET_CONNECT ? "connect" : list == VANTIO_LIST_EXEC_ALLOW ? "exec" :
			 list == VANTIO_LIST_FILE_WRITE ? "write" : "read";
	struct vantio_explanation e;
	struct vantio_error ignored;
	size_t i;

	if (list == VANTIO_LIST_NET_LISTEN || vantio_policy_explain(l->places, l->places_image, op, target, NULL, &e, &ignored) || e.decision != VANTIO_PERMIT || !e.rule.rule)
		return NULL;
	for (i = 0; i < VANTIO_ARRAY_SIZE(places); i++)
		if (!strcmp(places[i].glob, e.rule.rule->text))
			return &places[i];
	return NULL;
}
