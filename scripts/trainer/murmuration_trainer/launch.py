"""What a launcher has told a process in its environment. No library is loaded for it."""

FSDP = "ACCELERATE_USE_FSDP"


def ranks_of_slurm(environment):
    """What torch wants to know of a task that `srun` has started, where no launcher has said it: an empty dictionary
    for a process that is alone, or that another launcher has started."""
    if "RANK" in environment or int(environment.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
        return {}
    return {"RANK": environment["SLURM_PROCID"], "LOCAL_RANK": environment["SLURM_LOCALID"],
            "WORLD_SIZE": environment["SLURM_STEP_NUM_TASKS"],
            # srun runs beside the peer, on the machine of the first task.
            "MASTER_ADDR": environment.get("MASTER_ADDR", environment.get("SLURM_LAUNCH_NODE_IPADDR", "localhost")),
            "MASTER_PORT": environment.get("MASTER_PORT", str(20_000 + int(environment["SLURM_JOB_ID"]) % 10_000))}


def is_first(environment):
    """Whether this process is the first of those that train together, or trains alone."""
    return int(environment.get("WORLD_SIZE", "1")) < 2 or environment.get("RANK", "0") == "0"


def refusal(environment):
    """Why ranks that Accelerate's launcher has set up in this way cannot train here, or None where they can."""
    chosen = {name.upper() for name, value in environment.items() if value.lower() in ("1", "true", "yes")}
    if FSDP in chosen and environment.get("FSDP_VERSION", "1") != "2":
        return "FSDP 1 is not supported; FSDP 2 is (accelerate launch --use_fsdp --fsdp_version 2)"
    if FSDP in chosen and "FSDP_OFFLOAD_PARAMS" in chosen:
        return "FSDP with --fsdp_offload_params is not supported; without it, FSDP 2 is"
    if chosen & {"ACCELERATE_USE_PARALLELISM_CONFIG", "ACCELERATE_USE_MEGATRON_LM"}:
        return "ranks that share a record (parallelism config, Megatron) are not supported; FSDP 2 and DeepSpeed are"
    return None
