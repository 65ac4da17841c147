"""The trainer itself: a model with a LoRA adapter, AdamW, and the steps that the peer names."""

import importlib.metadata
import inspect

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from . import PROTOCOL
from .channel import Failed
from .held import Held, laid_out, let_go, whole
from .records import collate, pieces, read


def lora_configuration(document):
    """PEFT's settings out of an adapter_config.json; what this version of PEFT does not know is left out."""
    known = inspect.signature(LoraConfig).parameters
    chosen = {key: value for key, value in document.items() if key in known and value is not None}
    return LoraConfig(**{**chosen, "inference_mode": False, "base_model_name_or_path": None})


def load_model(hello, choices, device):
    path = hello["model"]["path"]
    if path.endswith(".gguf"):
        raise Failed(f"{path} is a GGUF file, which this trainer does not read: give the peer the model's Hugging Face "
                     "directory (model.base)")
    arguments = {"dtype": "auto" if choices.dtype == "auto" else getattr(torch, choices.dtype),
                 "local_files_only": True, "trust_remote_code": choices.trust_remote_code}
    if choices.load_in:
        from peft import prepare_model_for_kbit_training
        from transformers import BitsAndBytesConfig

        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_8bit=choices.load_in == "8bit", load_in_4bit=choices.load_in == "4bit",
            bnb_4bit_compute_dtype=torch.bfloat16, bnb_4bit_quant_type="nf4")
        arguments["device_map"] = {"": device}
    model = AutoModelForCausalLM.from_pretrained(path, **arguments)
    model.config.use_cache = False
    if choices.load_in:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=choices.gradient_checkpointing)
    elif choices.gradient_checkpointing:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    return get_peft_model(model, lora_configuration(hello["lora"]))


class Trainer:
    def __init__(self, hello, choices, ranks):
        if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
            raise Failed(f"the peer speaks version {hello.get('protocol')} of the protocol, this trainer {PROTOCOL}")
        self.ranks, self.accelerator, self.choices = ranks, ranks.accelerator, choices
        self.is_main = ranks.is_main
        if self.accelerator.device.type == "cpu":
            torch.set_num_threads(max(1, hello["threads"] // ranks.count))
        self.records = read(hello["records"]["file"])
        if ranks.sharded and choices.load_in:
            raise Failed(f"--load-in is not supported with {ranks.sharded}, which cannot shard a quantised base")
        if ranks.sharded == "DeepSpeed" and choices.dtype != "float32":
            raise Failed("--dtype is not supported with DeepSpeed, which chooses itself (accelerate launch "
                         "--mixed_precision bf16, with ZeRO 3)")
        model = load_model(hello, choices, self.accelerator.device)
        self._check(model, hello["tensors"])
        settings = hello["tuning"]["optimizer"]
        optimizer = torch.optim.AdamW(
            [value for value in model.parameters() if value.requires_grad], lr=hello["tuning"]["learning_rate"],
            betas=tuple(settings["betas"]), eps=settings["epsilon"], weight_decay=settings["weight_decay"])
        holding = Held
        if ranks.sharded == "DeepSpeed":
            from .zero import Zero as holding
        self.held = holding(self.accelerator, model, optimizer, hello["tuning"]["clip_norm"])
        self.names = [self._name(name) for name in self.held.names]
        self.frozen = []
        version = importlib.metadata.version
        self.name = (f"peft {version('peft')}, torch {version('torch')}, {ranks.count} × "
                     f"{self.accelerator.device.type}{f', {ranks.sharded}' if ranks.sharded else ''}")

    @staticmethod
    def _check(model, wanted):
        """The adapter that PEFT makes must be the swarm's, tensor by tensor."""
        made = {name: list(value.shape) for name, value in get_peft_model_state_dict(model).items()}
        for tensor in wanted:
            shape = made.pop(tensor["name"], None)
            if shape != tensor["shape"]:
                raise Failed(f"the swarm's adapter has {tensor['name']} with shape {tensor['shape']}, PEFT makes "
                             f"{shape}")
        if made:
            raise Failed(f"PEFT makes {next(iter(made))}, which is not in the swarm's adapter")

    @staticmethod
    def _name(parameter):
        """PEFT's name, in a file, for a parameter of the model."""
        # Accelerate's own checkpointing of activations wraps layers, and names them anew.
        return parameter.replace(".default.", ".").replace("_checkpoint_wrapped_module.", "")

    def load(self, path):
        state = self._tensors(path)
        self.held.put(state[name] for name in self.names)

    def _tensors(self, path):
        """A file with the adapter's tensors, all of them and no other."""
        state = load_file(path)
        for name in self.names:
            if name not in state:
                raise Failed(f"{path} lacks {name}")
        if len(state) > len(self.names):
            raise Failed(f"{path} has tensors that the adapter has not: {min(state.keys() - set(self.names))}")
        return state

    def _write(self, values, path):
        """A file with these whole values, one a parameter of the adapter."""
        # All ranks gather them, though one writes.
        gathered = {name: value.float().cpu().contiguous() for name, value in zip(self.names, values)}
        if self.is_main:
            save_file(gathered, path)

    def loss_sum(self, model, records):
        """The negative log-likelihood of the marked tokens, summed."""
        tokens, attention, labels = collate(records, self.accelerator.device)
        logits = model(input_ids=tokens, attention_mask=attention).logits
        targets = labels[:, 1:]
        marked = targets != -100
        return torch.nn.functional.cross_entropy(logits[:, :-1][marked].float(), targets[marked], reduction="sum")

    def train(self, request, channel):
        self.load(request["adapter"])
        self.held.keep()
        self.held.model.train()
        factors = request.get("factors", ["A", "B"])
        self.frozen = [value for name, value in zip(self.names, self.held.parameters)
                       if not any(f".lora_{factor}." in name for factor in factors)]
        proximal = request.get("proximal", 0)
        if not self.held.knows and (self.frozen or proximal > 0 or request.get("tracking")):
            raise Failed(f"{self.ranks.sharded} cannot train one factor alone, nor with a proximal term or tracking; "
                         "FSDP can")
        start = [value.detach().clone() for value in self.held.parameters] if proximal > 0 else []
        tracking = self._tracking(request)
        used = 0
        for step in request["steps"]:
            self.ranks.check(channel, request["id"])
            loss, norm = self.step(step, proximal, start, tracking)
            used += len(step["records"])
            if not (loss == loss and norm == norm and abs(loss) != float("inf") and norm != float("inf")):
                raise Failed(f"the loss of step {step['number']} is not a finite number; lower the learning rate")
            if self.is_main:
                channel.send({"type": "step", "id": request["id"], "number": step["number"], "loss": loss,
                              "gradient_norm": norm})
        self._write(self.held.values(), request["result"])
        if tracking:
            count = max(1, len(request["steps"]))
            self._write([whole(total / count) for _, total in tracking], request["tracking"]["gradient"])
        self.held.forget()
        return used

    def _tracking(self, request):
        """Of each parameter what is added to its gradient, and the sum of its gradients so far; empty where nobody
        tracks."""
        if not request.get("tracking"):
            return []
        corrections = self._tensors(request["tracking"]["correction"])
        return [(laid_out(corrections[name], value), torch.zeros_like(value, dtype=torch.float64))
                for name, value in zip(self.names, self.held.parameters)]

    def step(self, step, proximal=0, start=(), tracking=()):
        """One optimiser step on the records that it names: the mean loss over their marked tokens, and the gradient's
        norm. `proximal` draws the parameters back to `start` (FedProx); `tracking` corrects gradients and takes them
        down."""
        # Each rank drops other elements, and the same again after a restart.
        torch.manual_seed(step["dropout_seed"] + 1_000_003 * self.ranks.index)
        batch = [self.records[place] for place in step["records"]]
        total = sum(record.targets for record in batch)
        share = -(-len(batch) // self.ranks.count)
        size = self.choices.micro_batch or share
        own = batch[self.ranks.index::self.ranks.count]
        parts = pieces(own, size, count=-(-share // size))
        loss_sum = torch.zeros((), device=self.accelerator.device)
        for number, part in enumerate(parts):
            # A rank without a record of its own takes part in the sum of the gradients with nothing.
            loss = self._part(part or batch[:1], last=number == len(parts) - 1,
                              scale=self.ranks.count / total if part else 0.0)
            if part:
                loss_sum += loss
        # The gradients are summed over the ranks by now: every rank has the same, or its shard, as of the corrections.
        for value, (correction, taken) in zip(self.held.parameters, tracking):
            taken += value.grad.detach()
            value.grad.add_(correction)
        if proximal > 0:
            for value, begin in zip(self.held.parameters, start):
                value.grad.add_(value.detach() - begin, alpha=proximal)
        # Data parallel processes await every gradient: those of the frozen factor go only now. The optimiser passes
        # over what has none.
        for value in self.frozen:
            value.grad = None
        norm = self.held.step(step["learning_rate"])
        return float(self.accelerator.reduce(loss_sum, "sum")) / total, norm

    def _part(self, records, last, scale):
        with self.held.passing(last):
            loss = self.loss_sum(self.held.model, records)
            self.held.backward(loss * scale, last)
        return loss.detach()

    def undo(self):
        """Goes back to before the request that was broken off: the next one brings its own adapter."""
        self.held.undo()

    def evaluate(self, request, channel):
        self.load(request["adapter"])
        records = read(request["records"])
        self.held.model.eval()
        total = torch.zeros((), dtype=torch.float64)
        try:
            with torch.no_grad():
                for part in pieces(records, (self.choices.micro_batch or 8) * self.ranks.count):
                    self.ranks.check(channel, request["id"])
                    own = part[self.ranks.index::self.ranks.count]
                    # Not through the wrapper of data parallel training: ranks may have different numbers of records.
                    # Where the model is sharded every rank takes part in every pass, one without records with
                    # another's.
                    if own or self.ranks.sharded:
                        loss = float(self.loss_sum(self.held.inner, own or part[:1]))
                        total += loss if own else 0.0
        finally:
            let_go(self.held.inner)
        tokens = sum(record.targets for record in records)
        summed = self.accelerator.reduce(total.to(self.accelerator.device), "sum")
        return float(summed) / max(1, tokens), tokens

    def save(self, path):
        """The optimiser's moments, whole, by the parameter's name: for any number of ranks. No pickle."""
        # All ranks gather them, though one writes.
        tensors = {f"{name}|{key}": part.cpu().contiguous() for name, parts in zip(self.names, self.held.moments())
                   for key, part in parts.items()}
        if self.is_main:
            save_file(tensors, path, metadata={"format": "pt", "kind": "murmuration-trainer 1"})

    def restore(self, path):
        try:
            with safe_open(path, "pt") as file:
                if (file.metadata() or {}).get("kind") != "murmuration-trainer 1":
                    raise Failed("the saved state is not of this trainer")
                # Earlier versions wrote the names that the model has for itself.
                tensors = {self._name(key): file.get_tensor(key) for key in file.keys()}
        except Exception as error:
            raise error if isinstance(error, Failed) else Failed(f"the saved state cannot be read: {error}") from error
        states = []
        for number, name in enumerate(self.names):
            parts = {key: tensors.pop(f"{name}|{key}", None) for key in ("step", "exp_avg", "exp_avg_sq")}
            missing = [part is None for part in parts.values()]
            if any(missing) and not all(missing) or not any(missing) and any(
                    parts[key].shape != self.held.shape(number) for key in ("exp_avg", "exp_avg_sq")):
                raise Failed(f"the saved state does not fit {name}")
            states.append({} if all(missing) else parts)
        if tensors:
            raise Failed(f"the saved state has {next(iter(tensors))}, which is not the adapter's")
        self.held.set_moments(states)
