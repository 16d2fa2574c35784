/* The other end of tests/it/libsrtp.rs, made of libsrtp 2: protects and opens what it is told.
 *
 *   libsrtp_peer <suite> <key and salt in hex>
 *
 * Each line of the input is `protect|open rtp|rtcp <packet in hex>`, each line of the output the
 * packet in hex, or `error <number>`. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

#define MAX_PACKET 2048

static int octets_of(const char *hex, unsigned char *out) {
  int length = 0;
  unsigned octet;
  while (length < MAX_PACKET && sscanf(hex, "%2x", &octet) == 1) {
    out[length++] = (unsigned char)octet;
    hex += 2;
  }
  return length;
}

static int set_suite(srtp_policy_t *policy, const char *suite) {
  if (!strcmp(suite, "AES_CM_128_HMAC_SHA1_80")) {
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
  } else if (!strcmp(suite, "AES_CM_128_HMAC_SHA1_32")) {
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
    return 0;
  } else if (!strcmp(suite, "AEAD_AES_128_GCM")) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
  } else if (!strcmp(suite, "AEAD_AES_256_GCM")) {
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
  } else {
    return -1;
  }
  policy->rtcp = policy->rtp;
  return 0;
}

int main(int count, char **arguments) {
  static unsigned char key[MAX_PACKET], packet[MAX_PACKET + SRTP_MAX_TRAILER_LEN];
  static char action[16], protocol[16], hex[2 * MAX_PACKET + 1];
  srtp_policy_t policy;
  srtp_t out, in;
  memset(&policy, 0, sizeof policy);
  if (count != 3 || set_suite(&policy, arguments[1]) || srtp_init()) return 2;
  octets_of(arguments[2], key);
  policy.key = key;
  policy.window_size = 128;
  policy.ssrc.type = ssrc_any_outbound;
  if (srtp_create(&out, &policy)) return 3;
  policy.ssrc.type = ssrc_any_inbound;
  if (srtp_create(&in, &policy)) return 3;

  while (scanf("%15s %15s %4096s", action, protocol, hex) == 3) {
    int length = octets_of(hex, packet);
    int media = !strcmp(protocol, "rtp");
    srtp_err_status_t status;
    if (!strcmp(action, "protect")) {
      status = media ? srtp_protect(out, packet, &length) : srtp_protect_rtcp(out, packet, &length);
    } else {
      status = media ? srtp_unprotect(in, packet, &length) : srtp_unprotect_rtcp(in, packet, &length);
    }
    if (status) {
      printf("error %d", status);
    } else {
      for (int at = 0; at < length; at++) printf("%02x", packet[at]);
    }
    printf("\n");
  }
  return 0;
}
