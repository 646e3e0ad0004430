/// sigma and sigma' of a mapping's activations: for what it generates, for its smoothness and its derivative.
module internal MappingNets.Core.ActivationSlope

open TorchSharp
open MappingNets
open MappingNets.Core.HeldNumbers

/// sigma(h), in h's shape. An activation that has no name is refused under the caller's own argument.
let apply (argument: string) activation (values: torch.Tensor) =
    match activation with
    | MappingActivation.Identity -> values
    | MappingActivation.Tanh -> values.tanh ()
    | MappingActivation.Sine -> values.sin ()
    | other -> noSuch argument "activation" other

/// sigma'(h), in h's shape; differentiable any number of times. For tanh not 1 - tanh^2, which cancels where tanh is near 1: 4 s(2 h) s(-2 h), s the
/// logistic function, keeps all its digits. 4 e / (1 + e)^2 with e = exp(-2 |h|) does too, but to autograd its second derivative at 0 is 0 instead of -2.
/// Raises ArgumentOutOfRangeException for an activation that has no name.
let at activation (preActivation: torch.Tensor) =
    match activation with
    | MappingActivation.Identity -> torch.ones_like preActivation
    | MappingActivation.Tanh ->
        (times 2.0 preActivation).sigmoid () * (times -2.0 preActivation).sigmoid ()
        |> times 4.0
    | MappingActivation.Sine -> preActivation.cos ()
    | other -> noSuch (nameof activation) "activation" other
