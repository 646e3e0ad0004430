/// Small mappings of every composition.
module MappingNets.Core.Tests.MappingExamples

open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors

/// Two layers, four tensors, 19 weights.
let layout =
    ParameterLayout.create
        [ "conv1.weight", [| 2L; 1L; 2L; 2L |], 4L
          "conv1.bias", [| 2L |], 4L
          "fc.weight", [| 3L; 2L |], 2L
          "fc.bias", [| 3L |], 2L ]

let activations =
    [ MappingActivation.Identity; MappingActivation.Tanh; MappingActivation.Sine ]

let modulationNames = [ "none"; "additive"; "linear"; "custom" ]

/// A modulation for P weights and d latents. The custom one is M(z)_ji = sin(z_i + a_ji) / 2.
let modulation name (rows: int64) (columns: int) =
    let columns = int64 columns

    match name with
    | "none" -> NoModulation
    | "additive" -> AdditiveModulation 0.3
    | "linear" -> LinearModulation(hashed 11UL "map" [ rows; columns; columns ] * 0.2)
    | "custom" ->
        let phase = hashed 12UL "phase" [ rows; columns ]
        Modulation.ofMatrix "waves" (fun z -> (phase + z).sin () * 0.5)
    | other -> failwith $"There is no modulation '{other}' among the examples."

/// SLVT with 5 latents.
let single kind modulationName activation =
    { Mapping.singleLatent 5 with
        FixedWeights = kind
        Seed = 7UL
        Modulations = [| modulation modulationName 19L 5 |]
        Activation = activation }

/// LWT with 3 latents for the first layer's 10 weights and 4 for the second's 9.
let layerWise kind modulationName activation =
    { single kind modulationName activation with
        Split = LayerWise [| "conv1", 3; "fc", 4 |]
        Modulations = [| modulation modulationName 10L 3; modulation modulationName 9L 4 |] }

let sigma activation (values: torch.Tensor) =
    match activation with
    | MappingActivation.Identity -> values
    | MappingActivation.Tanh -> values.tanh ()
    | _ -> values.sin ()

/// M(z) as a matrix, straight from its definition.
let modulationMatrix modulation (rows: int64) (z: torch.Tensor) =
    match modulation with
    | NoModulation -> torch.zeros ([| rows; z.shape[0] |], dtype = z.dtype)
    | AdditiveModulation strength -> strength * z.expand (rows, z.shape[0])
    | LinearModulation map -> map.matmul z
    | CustomModulation custom ->
        // Column i is M(z) applied to the i-th unit vector.
        let identity = torch.eye (z.shape[0], dtype = z.dtype)
        torch.stack (Array.init (int z.shape[0]) (fun column -> custom.Apply z identity[int64 column]), 1L)

/// Every (fixed weights, modulation, activation), with its name.
let compositions =
    [ for kind in FixedWeightsExamples.kinds do
          for modulationName in modulationNames do
              for activation in activations do
                  $"{kind}, {modulationName}, {activation}", kind, modulationName, activation ]

/// tanh of a signed permutation of four latents, so that |g(z)| is tanh |z| in some order.
let plainTanh () =
    Mapping.create
        (ParameterLayout.create [ "w", [| 4L |], 1L ])
        { Mapping.singleLatent 4 with
            Activation = MappingActivation.Tanh
            Scale = ExplicitScale [| 1.0 |]
            Bias = MappingBias.Zero
            Start = UniformStart 1.0 }
