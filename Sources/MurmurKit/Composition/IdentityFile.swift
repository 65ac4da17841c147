package import Cryptography
import Foundation

/// Files that hold a peer's secret keys, readable by their owner alone.
package enum IdentityFile {
    /// Makes new keys and writes them to a file that does not exist yet.
    package static func create(at path: String) throws -> IdentityKeys {
        var generator = SystemRandomNumberGenerator()
        let keys = try IdentityKeys.generate(using: &generator)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else {
            let reason = errno == EEXIST ? "it exists already; choose another name" : String(cString: strerror(errno))
            throw CommandFailure("cannot make the identity file \(path): \(reason)")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data(keys.text.utf8))
            try handle.synchronize()
        } catch {
            throw CommandFailure("cannot write the identity file \(path): \(error.localizedDescription)")
        }
        return keys
    }

    /// The keys of an existing file. A file that others may read is refused: its keys are not secret any more.
    package static func read(_ path: String) throws -> IdentityKeys {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            throw CommandFailure("there is no identity file \(path); make one with: murmur identity new \(path)")
        }
        guard let size = attributes[.size] as? Int, size <= 4096,
            let text = try? String(contentsOfFile: path, encoding: .utf8)
        else {
            throw CommandFailure("\(path) is not an identity file made by `murmur identity new`")
        }
        let keys: IdentityKeys
        do {
            keys = try IdentityKeys(text: text)
        } catch {
            throw CommandFailure("\(path) is not an identity file made by `murmur identity new`")
        }
        // Only of what is an identity: a topology file, given by mistake, is for others to read.
        if let mode = attributes[.posixPermissions] as? Int, mode & 0o077 != 0 {
            throw CommandFailure("others may read the identity file \(path); make it yours alone: chmod 600 \(path)")
        }
        return keys
    }

    /// The keys in `path`, made now where the file is missing.
    package static func readOrCreate(_ path: String) throws -> IdentityKeys {
        FileManager.default.fileExists(atPath: path) ? try read(path) : try create(at: path)
    }
}
