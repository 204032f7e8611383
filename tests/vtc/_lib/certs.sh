#!/bin/sh
# certs.sh DIR NAME... - keys and certificates for tests, into DIR, in PEM.
#
# ca.crt and ca.key (the authority of all but "stranger") are always made. A NAME is one of
#   www shop      servers: EC, CN=NAME.example, also *.NAME.example; NAME.pem has certificate and key
#   rsa           as www, with an RSA key
#   server        a server behind: server.example and 127.0.0.1
#   client        /O=Clients/CN=client, serial 0x1234, and an e-mail address
#   expired       a client whose certificate has ended
#   revoked       a client that is in ca.crl; empty.crl lists nobody
#   deep          a client of the authority inter.crt, which is ca's; the chain is in deep.pem
#   stranger      a client of other.crt
set -e
cd "$1"
shift

EC="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

authority() { # name, signer ("" itself)
    printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >ext
    openssl req $EC -keyout "$1.key" -out csr -subj "/O=Tests/CN=$1" 2>/dev/null
    if [ -n "$2" ]; then set -- "$1" -CA "$2.crt" -CAkey "$2.key"; else set -- "$1" -signkey "$1.key"; fi
    name=$1
    shift
    openssl x509 -req -in csr -days 30 -extfile ext -set_serial 0x77 -out "$name.crt" "$@" 2>/dev/null
}

leaf() { # name, subject, alternative names, signer, serial, days, key
    openssl req ${7:-$EC} -keyout "$1.key" -out csr -subj "$2" 2>/dev/null
    printf 'subjectAltName=%s\n' "$3" >ext
    openssl x509 -req -in csr -CA "$4.crt" -CAkey "$4.key" -set_serial "$5" -days "$6" -sha256 -extfile ext -out "$1.crt" 2>/dev/null
    cat "$1.crt" "$1.key" >"$1.pem"
}

lists() {
    printf '[ca]\ndefault_ca=x\n[x]\ndatabase=crldb\ndefault_md=sha256\n' >crl.cnf
    : >crldb
    openssl ca -config crl.cnf -gencrl -cert ca.crt -keyfile ca.key -crldays 10 -out empty.crl 2>/dev/null
    printf 'R\t360101000000Z\t260101000000Z\t1005\tunknown\t/CN=revoked\n' >crldb
    openssl ca -config crl.cnf -gencrl -cert ca.crt -keyfile ca.key -crldays 10 -out ca.crl 2>/dev/null
}

authority ca ""
for name in "$@"; do
    case $name in
    www) leaf www "/O=Front/CN=www.example" "DNS:www.example,DNS:*.www.example" ca 0x1001 30 ;;
    shop) leaf shop "/O=Shop/CN=shop.example" "DNS:shop.example,DNS:*.shop.example" ca 0x1002 30 ;;
    rsa) leaf rsa "/O=Front/CN=www.example" "DNS:www.example,DNS:*.www.example" ca 0x1003 30 "-newkey rsa:2048 -nodes" ;;
    server) leaf server "/O=Behind/CN=server.example" "DNS:server.example,IP:127.0.0.1" ca 0x1004 30 ;;
    client) leaf client "/O=Clients/CN=client" "email:client@clients.example" ca 0x1234 30 ;;
    expired) leaf expired "/O=Clients/CN=expired" "email:expired@clients.example" ca 0x1006 -1 ;;
    revoked) leaf revoked "/O=Clients/CN=revoked" "email:revoked@clients.example" ca 0x1005 30 && lists ;;
    deep) authority inter ca && leaf deep "/O=Clients/CN=deep" "email:deep@clients.example" inter 0x1007 30 && cat inter.crt >>deep.pem ;;
    stranger) authority other "" && leaf stranger "/O=Strangers/CN=stranger" "email:s@strangers.example" other 0x1008 30 ;;
    *) echo "certs.sh: unknown name '$name'" >&2 && exit 1 ;;
    esac
done
