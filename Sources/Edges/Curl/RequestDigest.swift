internal import COpenSSL

/// What signing a request needs, by the library that libcurl itself uses for TLS. Keys for anything else live in another room,
/// which no worker links.
package enum RequestDigest {
    private static let byteCount = 32

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        filled { out in bytes.withUnsafeBufferPointer { cs_sha256($0.baseAddress, $0.count, out) } }
    }

    /// HMAC-SHA256 (RFC 2104).
    package static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        filled { out in
            key.withUnsafeBufferPointer { key in
                bytes.withUnsafeBufferPointer { cs_hmac_sha256(key.baseAddress, key.count, $0.baseAddress, $0.count, out) }
            }
        }
    }

    private static func filled(_ compute: (UnsafeMutablePointer<UInt8>?) -> Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            let isGood = compute(buffer.baseAddress)
            precondition(isGood == 1, "libcrypto computes no digest")
            count = byteCount
        }
    }
}
