/// The gradient to the latent, held to finite differences.
module MappingNets.Core.Tests.MappingGradientTests

open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples

/// A scalar of theta that is linear in none of it.
let private loss (theta: torch.Tensor) =
    let weights = hashed 21UL "weights" [ theta.shape[0] ]
    (theta.sin () * weights + theta * theta * theta).sum ()

/// Gradient, Hessian-vector product and Jacobian of a mapping against finite differences.
let private agrees specification =
    use mapping = Mapping.create layout specification
    let z = hashed 22UL "z" [ int64 mapping.LatentCount ]
    let v = hashed 23UL "v" [ int64 mapping.LatentCount ]
    let f (z: torch.Tensor) = loss (mapping.Generate z)
    near 1e-8 "gradient" (numgrad 1e-5 f z) (grad f z)
    near 1e-5 "Hessian-vector product" (numhessianv 1e-4 f z v) (hessianv f z v)
    let slopes = numjacobian 1e-5 mapping.Generate z
    near 1e-8 "Jacobian" slopes (jacobian mapping.Generate z)
    let g = hashed 25UL "g" [ mapping.WeightCount ]
    near 1e-7 "pullback" (slopes.t().mv g) (mapping.Pullback(z, g))

[<Tests>]
let tests =
    testList
        "gradient to the latent"
        [ for name, kind, modulationName, activation in compositions do
              test $"SLVT, {name}" (fun () -> agrees (single kind modulationName activation))

          for modulationName in modulationNames do
              test $"LWT, {modulationName}" (fun () ->
                  agrees (layerWise FixedWeightsKind.Hadamard modulationName MappingActivation.Tanh))

          test "the fused pullback is the gradient, and part of no graph" (fun () ->
              for kind in FixedWeightsExamples.matrixFree do
                  use mapping =
                      Mapping.create layout (layerWise kind "additive" MappingActivation.Identity)

                  let z = (hashed 22UL "z" [ 7L ]).to_type(torch.float32).requires_grad_ true
                  let g = (hashed 25UL "g" [ 19L ]).to_type torch.float32
                  let pullback = mapping.Pullback(z, g)
                  let gradient = jacobianTv mapping.Generate (z.detach ()) g
                  Expect.isFalse pullback.requires_grad $"{kind}: no graph"
                  same $"{kind}" (gradient.to_type torch.float64) (pullback.to_type torch.float64))

          test "to the trainable scales" (fun () ->
              use mapping =
                  Mapping.create
                      layout
                      (layerWise FixedWeightsKind.SignedPermutation "additive" MappingActivation.Sine)

              let z = hashed 22UL "z" [ 7L ]
              let scales = hashed 24UL "scales" [ 4L ]
              let ofScales (scales: torch.Tensor) = loss (mapping.Generate(z, scales))
              let ofLatent (z: torch.Tensor) = loss (mapping.Generate(z, scales))
              near 1e-8 "scales" (numgrad 1e-5 ofScales scales) (grad ofScales scales)
              near 1e-8 "latent" (numgrad 1e-5 ofLatent z) (grad ofLatent z))

          test "a third derivative, through both directions of the operator" (fun () ->
              for kind in FixedWeightsExamples.matrixFree do
                  use mapping = Mapping.create layout (single kind "additive" MappingActivation.Tanh)
                  let z = hashed 22UL "z" [ 5L ]
                  let v = hashed 23UL "v" [ 5L ]
                  let f (z: torch.Tensor) = loss (mapping.Generate z)
                  let curvature (z: torch.Tensor) = (hessianv f z v).dot v
                  near 1e-7 $"{kind}" (numgrad 1e-5 curvature z) (grad curvature z)) ]
