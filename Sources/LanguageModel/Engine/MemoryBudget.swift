import Foundation

/// How much memory this process can still have, so that a model that does not fit is refused in a line and not by the
/// system in the midst of its work.
package struct MemoryBudget: Sendable, Hashable {
    /// The bytes that can still be had; nil where nothing says.
    package let available: Int?
    /// What sets the bound, in words.
    package let bound: String

    package init(available: Int?, bound: String) {
        self.available = available
        self.bound = bound
    }

    /// The budget of this process at this moment: the least of its limit of address space (`ulimit -v`), its control
    /// group's limit, and what the machine has.
    package static func ofThisProcess() -> MemoryBudget {
        func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
        // The unified hierarchy's line (control groups, version 2) begins with `0::`.
        let group = text("/proc/self/cgroup")?.split(separator: "\n").last { $0.hasPrefix("0::") }?.dropFirst(3)
        let candidates = [
            addressSpace(limits: text("/proc/self/limits"), status: text("/proc/self/status")),
            controlGroup(at: "/sys/fs/cgroup" + (group ?? ""), text), controlGroup(at: "/sys/fs/cgroup", text),
            machine(text("/proc/meminfo")),
        ]
        return candidates.compactMap { $0 }.min { ($0.available ?? .max) < ($1.available ?? .max) }
            ?? MemoryBudget(available: nil, bound: "")
    }

    /// Address space beside a model's weights: stacks, activations, what allocators set aside.
    package static let reserve = 128 << 20

    /// What the process's limit of address space leaves: of `/proc/self/limits` and `/proc/self/status`.
    package static func addressSpace(limits: String?, status: String?) -> MemoryBudget? {
        guard let line = limits?.split(separator: "\n").first(where: { $0.hasPrefix("Max address space") }),
            let limit = line.split(separator: " ").dropFirst(3).first.flatMap({ Int($0) })
        else { return nil }
        let used = kilobytes("VmSize:", in: status ?? "") ?? 0
        return MemoryBudget(available: max(0, limit - used - reserve), bound: "the process's limit (ulimit -v)")
    }

    /// What the machine has: `MemAvailable` and free swap of `/proc/meminfo`.
    package static func machine(_ meminfo: String?) -> MemoryBudget? {
        guard let meminfo, let free = kilobytes("MemAvailable:", in: meminfo) else { return nil }
        return MemoryBudget(available: free + (kilobytes("SwapFree:", in: meminfo) ?? 0), bound: "the machine")
    }

    /// What the control group in a folder leaves. Files that were read and can be forgotten do not count.
    private static func controlGroup(at folder: String, _ text: (String) -> String?) -> MemoryBudget? {
        func number(_ name: String) -> Int? {
            text("\(folder)/\(name)").flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        guard let limit = number("memory.max"), let used = number("memory.current") else { return nil }
        let files = text("\(folder)/memory.stat")?.split(separator: "\n")
            .first { $0.hasPrefix("inactive_file ") }?.split(separator: " ").last.flatMap { Int($0) }
        return MemoryBudget(available: max(0, limit - used + (files ?? 0)), bound: "the container's limit")
    }

    /// The value of a line such as `VmSize:   123 kB`, in bytes.
    private static func kilobytes(_ name: String, in text: String) -> Int? {
        text.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: " ").dropFirst().first
            .flatMap { Int($0) }.map { $0 << 10 }
    }
}
