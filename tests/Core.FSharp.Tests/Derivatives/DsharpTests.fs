/// DiffSharp's vocabulary: three scripts in the manner of its documentation, and every short form beside the long one.
module MappingNets.Core.Tests.DsharpTests

open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.TensorOperators
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.Refusals

[<Tests>]
let documented =
    testList
        "scripts in DiffSharp's manner"
        [ test "a derivative and its derivative" (fun () ->
              // f(x) = sin(sqrt x)
              let f (x: torch.Tensor) = x.sqrt().sin ()
              let df = dsharp.diff f
              let x = dsharp.tensor 2.0
              let root = sqrt 2.0
              near 1e-12 "f'" (scalar (cos root / (2.0 * root))) (df x)
              let second = -(sin root) / (4.0 * 2.0) - cos root / (4.0 * 2.0 * root)
              near 1e-12 "f''" (scalar second) (dsharp.diff df x)
              near 1e-12 "f'' at once" (scalar second) (dsharp.diff2 f x))

          test "Newton's method on a valley, with gradient and Hessian from one call" (fun () ->
              let f (x: torch.Tensor) =
                  (1.0 - x[0L]) ** 2.0 + 100.0 * (x[1L] - x[0L] ** 2) ** 2

              let step x =
                  let gradient, hessian = dsharp.gh f x
                  x - torch.linalg.solve (hessian, gradient)

              let found =
                  Seq.fold (fun x _ -> step x) (dsharp.tensor [ -1.2; 1.0 ]) (seq { 1..8 })

              near 1e-9 "the valley's lowest point" (dsharp.tensor [ 1; 1 ]) found)

          test "nested derivatives keep their levels apart" (fun () ->
              // d/dx (x d/dy (x + y)) = 1: a library that confuses the two gives 2.
              let inner (x: torch.Tensor) =
                  dsharp.diff (fun y -> x + y) (dsharp.tensor 1.0)

              let outer = dsharp.diff (fun x -> x * inner x) (dsharp.tensor 1.0)
              same "1" (scalar 1.0) outer) ]

let private f (x: torch.Tensor) = (x ** 3.0).sum () * x[0L]

let private g (x: torch.Tensor) =
    torch.stack ([| x[0L] * x[1L]; (x ** 2).sum () |], 0L)

let private x = torch.tensor [| 0.7; -1.3 |]
let private v = torch.tensor [| 0.5; 2.0 |]
let private pair (first: torch.Tensor, second: torch.Tensor) = [ first; second ]
let private triple (first: torch.Tensor, second: torch.Tensor, third: torch.Tensor) = [ first; second; third ]
let private epsilon = 1e-4

/// A name, the short form's results, the long form's, and what finite differences give.
let private forms =
    [ "g", [ dsharp.g f x ], [ Differentiation.grad f x ], [ dsharp.numg epsilon f x ]
      "fg", pair (dsharp.fg f x), pair (Differentiation.fgrad f x), pair (dsharp.numfg epsilon f x)
      "gvp", [ dsharp.gvp f x v ], [ Differentiation.gradv f x v ], [ dsharp.numgvp epsilon f x v ]
      "fgvp", pair (dsharp.fgvp f x v), pair (Differentiation.fgradv f x v), pair (dsharp.numfgvp epsilon f x v)
      "h", [ dsharp.h f x ], [ Differentiation.hessian f x ], [ dsharp.numh epsilon f x ]
      "fh", pair (dsharp.fh f x), pair (Differentiation.fhessian f x), pair (dsharp.numfh epsilon f x)
      "hvp", [ dsharp.hvp f x v ], [ Differentiation.hessianv f x v ], [ dsharp.numhvp epsilon f x v ]
      "fhvp", pair (dsharp.fhvp f x v), pair (Differentiation.fhessianv f x v), pair (dsharp.numfhvp epsilon f x v)
      "gh", pair (dsharp.gh f x), pair (Differentiation.gradhessian f x), pair (dsharp.numgh epsilon f x)
      "fgh", triple (dsharp.fgh f x), triple (Differentiation.fgradhessian f x), triple (dsharp.numfgh epsilon f x)
      "ghvp", pair (dsharp.ghvp f x v), pair (Differentiation.gradhessianv f x v), pair (dsharp.numghvp epsilon f x v)
      "fghvp",
      triple (dsharp.fghvp f x v),
      triple (Differentiation.fgradhessianv f x v),
      triple (dsharp.numfghvp epsilon f x v)
      "j", [ dsharp.j g x ], [ Differentiation.jacobian g x ], [ dsharp.numj epsilon g x ]
      "fj", pair (dsharp.fj g x), pair (Differentiation.fjacobian g x), pair (dsharp.numfj epsilon g x)
      "jvp", [ dsharp.jvp g x v ], [ Differentiation.jacobianv g x v ], [ dsharp.numjvp epsilon g x v ]
      "fjvp", pair (dsharp.fjvp g x v), pair (Differentiation.fjacobianv g x v), pair (dsharp.numfjvp epsilon g x v)
      "vjp", [ dsharp.vjp g x v ], [ Differentiation.jacobianTv g x v ], [ dsharp.numvjp epsilon g x v ]
      "fvjp", pair (dsharp.fvjp g x v), pair (Differentiation.fjacobianTv g x v), pair (dsharp.numfvjp epsilon g x v) ]

[<Tests>]
let shortForms =
    testList
        "DiffSharp's short forms"
        [ for name, short, long, numerical in forms do
              test name (fun () ->
                  List.iter2 (same "the long form") long short
                  List.iter2 (near 1e-4 "finite differences") numerical short) ]

[<Tests>]
let tensors =
    testList
        "dsharp's tensors"
        [ test "come from numbers, lists and lists of lists" (fun () ->
              same "a number" (scalar 3.0) (dsharp.tensor 3)
              same "a list" (torch.tensor [| 1.0; 2.0 |]) (dsharp.tensor [ 1.0; 2.0 ])
              let matrix = torch.tensor([| 1.0; 2.0; 3.0; 4.0; 5.0; 6.0 |]).view (3L, 2L)
              same "rows" matrix (dsharp.tensor [ [ 1; 2 ]; [ 3; 4 ]; [ 5; 6 ] ]))

          refuses "rows of different lengths" "values" "length" (fun () -> dsharp.tensor [ [ 1.0 ]; [] ] |> ignore)
          refuses "text" "values" "no number" (fun () -> dsharp.tensor "x" |> ignore)

          test "keep the sizes of an array" (fun () ->
              same
                  "2 x 3"
                  ((torch.arange (6L, dtype = torch.float64)).view (2L, 3L))
                  (dsharp.tensor (array2D [ [ 0.0; 1.0; 2.0 ]; [ 3.0; 4.0; 5.0 ] ]))

              Expect.equal (shape (dsharp.tensor (Array3D.zeroCreate<float> 2 0 3))) [| 2L; 0L; 3L |] "none"

              Expect.throwsT<System.ArgumentException>
                  (fun () -> dsharp.tensor (array2D [ [ [ 1.0 ] ] ]) |> ignore)
                  "sequences in an array")

          test "go back to numbers without arrays" (fun () ->
              Expect.equal (dsharp.toFloat (scalar 2.5)) 2.5 "a scalar"
              Expect.equal (dsharp.toFloats (dsharp.tensor [ 1.0; 2.0 ])) [ 1.0; 2.0 ] "a vector"
              same "stacked" (dsharp.tensor [ 1.0; 2.0 ]) (dsharp.stack [ scalar 1.0; scalar 2.0 ]))

          test "carry adjoints back by hand, and forget them" (fun () ->
              let x = dsharp.reverseDiff (dsharp.nest ()) (dsharp.tensor [ 2.0; 5.0 ])
              let y = x[0L] * x[1L] ** 2 + (dsharp.noDiff x).sum ()
              dsharp.reverse (scalar 10.0) y
              same "10 (y^2, 2 x y)" (dsharp.tensor [ 250.0; 200.0 ]) (dsharp.derivative x)
              let untouched = dsharp.reverseDiff 0u (dsharp.tensor 1.0)
              same "nothing arrived" (scalar 0.0) (dsharp.derivative untouched)
              same "the values stay" (dsharp.tensor [ 2.0; 5.0 ]) (dsharp.primal x)
              Expect.isFalse (dsharp.primal x).requires_grad "off the graph")

          refuses "an adjoint of another shape" "value" "(2)" (fun () ->
              dsharp.reverse (torch.ones 2L) (dsharp.reverseDiff 0u (dsharp.tensor 1.0)))

          refuses "an adjoint of what depends on no leaf" "tensor" "no leaf" (fun () ->
              dsharp.reverse (scalar 1.0) (dsharp.tensor 1.0))

          test "have powers, and numbers keep theirs" (fun () ->
              let x = dsharp.tensor [ 2.0; 3.0 ]
              same "int" (dsharp.tensor [ 4.0; 9.0 ]) (x ** 2)
              same "float" (dsharp.tensor [ sqrt 2.0; sqrt 3.0 ]) (x ** 0.5)
              same "tensor" (dsharp.tensor [ 4.0; 27.0 ]) (x ** x)
              same "of a number" (dsharp.tensor [ 4.0; 8.0 ]) (2.0 ** x)
              let whole = torch.tensor [| 2L; -1L |]
              near 1e-6 "to whole numbers" (dsharp.tensor [ 6.25; 0.4 ]) ((2.5 ** whole).to_type torch.float64)
              Expect.equal (2.0 ** 3.0) 8.0 "float"
              Expect.equal (2.0f ** 3.0f) 8.0f "float32") ]
