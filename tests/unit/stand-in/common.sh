# What the stand-ins share. They stand in for tools that Debian does not have: each keeps its
# state below the root that it is in, refuses what the real one would refuse, and fails half-way
# when there is a file "fail" there.
# shellcheck shell=sh
root=${0%/usr/*}

# refuse MESSAGE…: what a real tool says to an argument that it does not know
refuse() {
	echo "error: $*" >&2
	exit 1
}

# cut_power WHEN: is the power cut now (early: the tool is half-way, late: it is done)? Then the
# caller ends at once, too.
cut_power() {
	if [ "$(cat "$root/power-cut" 2>/dev/null)" = "$1" ]; then
		kill -9 $PPID
		exit 1
	fi
}

# failing ARGUMENT…: does the test want a call like this to fail? What is in the file is in it.
failing() {
	cut_power early
	[ -e "$root/fail" ] || return 1
	case $* in
	*"$(cat "$root/fail")"*) return 0 ;;
	esac
	return 1
}

# A call that may change something; the test counts the lines.
count_call() { echo "${0##*/} $*" >>"$root/calls"; }

# has_word WORD LINE: exactly
has_word() {
	case " $2 " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# without_word WORD LINE: without its first occurrence, white space made single
without_word() {
	echo "$2" | awk -v word="$1" '{
		for (i = 1; i <= NF; i++)
			if ($i == word && !done) done = 1
			else line = line (line == "" ? "" : " ") $i
		print line
	}'
}
