# SPDX-License-Identifier: Apache-2.0
# git on local repositories: clone, commit, branch, merge, rebase, stash, worktrees, gc; hooks run and cannot be changed.
. "$(dirname "$0")/lib.sh"
need git
NOT_SAME='\.git/\(index\|logs\|ORIG_HEAD\)\|/index$' # stat data and times
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
set_up() {
	git init -q -b main origin
	for i in $(seq 30); do mkdir -p "origin/d$i"; echo "$i" >"origin/d$i/f"; done
	ln -s d1/f origin/link; printf '#!/bin/sh\necho x\n' >origin/run && chmod +x origin/run
	git -C origin add . && git -C origin commit -qm first && git -C origin tag v1
}
same "clone a local repository" git sh -c 'git clone -q origin c && cd c && git log --format=%H && git status --short && ls'
same "clone by file://, shallow" git sh -c 'git clone -q --depth 1 "file://$PWD/origin" c && git -C c log --format=%H'
same "commit, branch, merge, rebase, tag" git sh -c 'git clone -q origin c && cd c && git checkout -qb topic && echo t >t && git add t && git commit -qm topic &&
	git checkout -q main && echo m >m && git add m && git commit -qm main && git merge -q --no-edit topic && git checkout -qb re topic && git rebase -q main &&
	git tag -am v2 v2 && git log --all --format=%H && git push -q origin topic && git -C ../origin log topic --format=%H'
same "stash, worktree, clean, reset" git sh -c 'git clone -q origin c && cd c && echo z >>run && git stash -q && git stash pop -q && git diff --stat &&
	git reset -q --hard && git worktree add -q ../wt && ls ../wt && git worktree remove ../wt && touch junk && git clean -fdq && git status --short'
same "gc and fsck" git sh -c 'git clone -q origin c && cd c && git gc -q && git fsck --full && git count-objects'
same "a pager, grep and archive" git sh -c 'git clone -q origin c && cd c && git --paginate grep -c 1 | cat && git archive HEAD | tar t'
same "git init, config" git sh -c 'git init -q n && cd n && git config user.name x && git config --get user.name && ls .git/hooks'
same "a hook that is there runs" git sh -c 'git -C origin config core.fileMode true; cd origin && echo h >h && git add h && git commit -qm h && git log --format=%s'

fresh
in_dir as_user sh -c 'printf "#!/bin/sh\necho ran >>hooked\n" >origin/.git/hooks/pre-commit && chmod +x origin/.git/hooks/pre-commit'
under git sh -c 'cd origin && echo h >h && git add h && git commit -qm h && cat hooked'
is "hook: runs under the preset" "$rc $out" "0 ran"
under git sh -c 'echo "rm -rf /" >origin/.git/hooks/pre-commit'
is "hook: cannot be changed" "$rc" 2
under git sh -c 'cd origin/.git && mkdir h2 && echo x >h2/pre-push && mv h2/pre-push hooks/pre-push'
is "hook: cannot be moved in" "$rc" 1
under git sh -c 'cd origin/.git && mkdir h2 && echo x >h2/pre-push && rm -rf hooks/*.sample && mv hooks h3 && mv h2 hooks'
is "hook: nor the folder be exchanged" "$(in_dir test -e origin/.git/hooks/pre-push && echo there)" ""
under git git config --global core.hooksPath /tmp
is "git's own settings stay closed" "$(in_dir test -e "$H/.gitconfig" && echo there)" ""
finish
