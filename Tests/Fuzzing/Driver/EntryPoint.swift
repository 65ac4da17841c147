import Cryptography
import Foundation

/// libFuzzer's own main loop, which the sanitizer's runtime brings along.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Runs libFuzzer on the target that `MURMUR_FUZZ_TARGET` names; without one, prints all of them.
@main enum EntryPoint {
    fileprivate static let target: FuzzTarget? = {
        let name = ProcessInfo.processInfo.environment["MURMUR_FUZZ_TARGET"]
        return FuzzTarget.all.first { $0.name == name }
    }()

    static func main() {
        // What is made up gets ten times as far in the same time; the ciphers themselves are not what is tried.
        if ProcessInfo.processInfo.environment["MURMUR_FUZZ_PRETENCE"] != nil {
            precondition(PretendedCryptography.begin(), "nothing is signed before this")
        }
        guard let target else {
            for known in FuzzTarget.all { print(known.name, known.isFromNetwork ? "network" : "file") }
            exit(2)
        }
        if let folder = ProcessInfo.processInfo.environment["MURMUR_FUZZ_SEEDS"] {
            exit(write(target.seeds(), to: folder))
        }
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(
            runFuzzer(&count, &arguments) { data, size in
                EntryPoint.target?.run(Array(UnsafeBufferPointer(start: data, count: size)))
                return 0
            })
    }

    /// Writes the inputs to begin with.
    private static func write(_ seeds: [[UInt8]], to folder: String) -> CInt {
        for (number, seed) in seeds.enumerated() {
            guard FileManager.default.createFile(atPath: "\(folder)/seed-\(number)", contents: Data(seed)) else {
                print("\(folder) cannot be written to")
                return 1
            }
        }
        return 0
    }
}
