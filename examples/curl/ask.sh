# What the other files share: the server's address, and a call that tells what went wrong.
#
# Each failure is an application/problem+json: `detail` says what happened, `next` what to do.
server=${SAYSELF_SERVER:-http://127.0.0.1:7590}

ask() {
  local answer
  answer=$(curl --fail-with-body --silent --show-error "$@") || {
    printf '%s\n' "$answer" >&2
    return 1
  }
  printf '%s' "$answer"
}
