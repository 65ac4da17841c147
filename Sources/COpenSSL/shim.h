// OpenSSL's libcrypto, of which only the ciphers are used.
#include <openssl/evp.h>
