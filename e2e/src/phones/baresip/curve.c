/* baresip 1.0 asks for a certificate of RSA and nothing else; later versions ask for one of a curve. Loaded before
 * its library, this gives it the one in DTLS_CERTIFICATE. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tls;
int tls_set_certificate(struct tls *tls, const char *pem, size_t length);

int tls_set_selfsigned_rsa(struct tls *tls, const char *name, size_t bits)
{
    char pem[8192];
    const char *path = getenv("DTLS_CERTIFICATE");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t length;

    (void)name;
    (void)bits;
    if (!file)
        return ENOENT;
    length = fread(pem, 1, sizeof pem, file);
    fclose(file);
    return tls_set_certificate(tls, pem, length);
}
