module MappingNets.Core.Tests.DifferentiationGraphTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.Refusals
open MappingNets.Core.Tests.DifferentiationTests

let private gradientOf (leaf: torch.Tensor) =
    leaf.grad
    |> Option.ofObj
    |> Option.defaultWith (fun () -> failtest "The leaf has no gradient.")

[<Tests>]
let nesting =
    testList
        "nested derivatives"
        [ test "the derivative of the derivative" (fun () ->
              same "diff of diff" (scalar -(sin 0.4)) (diff (diff torch.sin) (scalar 0.4))
              same "four deep" (scalar (sin 0.4)) (diff (diff (diff (diff torch.sin))) (scalar 0.4))

              let f (x: torch.Tensor) = (x * square x).sum ()
              same "grad of grad" (vector [ 6.0; 12.0 ]) (grad (fun x -> (grad f x).sum ()) (vector [ 1.0; 2.0 ]))

              same "through J v" (vector [ 12.0; 48.0 ])
              <| grad (fun x -> jacobianv (fun y -> y * y * y) x x |> _.sum()) (vector [ 2.0; 4.0 ])
                 / 3.0)

          test "no perturbation confusion" (fun () ->
              // Siskind and Pearlmutter, "Perturbation confusion and referential transparency" (IFL 2005), section 2:
              // d/dx (x d/dy (x + y)) is 1, not 2.
              let f (x: torch.Tensor) = x * diff (fun y -> x + y) (scalar 1.0)

              same "one" (scalar 1.0) (diff f (scalar 1.0))
              let g (x: torch.Tensor) = x * diff (fun y -> x * y) x
              same "at the same point" (scalar 6.0) (diff g (scalar 3.0)))

          test "through a captured outer variable" (fun () ->
              // d/da of the gradient by x of sum (a x)^2 = 2 a^2 x.
              let outer (a: torch.Tensor) =
                  grad (fun x -> (square (x * a)).sum ()) (vector [ 1.0; 3.0 ])

              same "4 a x" (vector [ 20.0; 60.0 ]) (diff outer (scalar 5.0))
              // Of the direction alone: J^T u and H v are linear in it.
              let along v =
                  hessianv rosenbrock (vector [ 0.5; 2.0 ]) v

              same "by the direction" (hessian rosenbrock (vector [ 0.5; 2.0 ])) (jacobian along (vector [ 1.0; 1.0 ])))

          test "every derivative can be differentiated again" (fun () ->
              let potential (x: torch.Tensor) =
                  (x.sin () * x[0L] * x[1L] * x[2L]).sum ()

              let field (x: torch.Tensor) = x.sin () * x[0L] * x[1L]
              let tall (x: torch.Tensor) = torch.cat ([| field x; x * x |], 0L)

              let flat (tensors: torch.Tensor list) =
                  torch.cat (tensors |> List.map _.reshape(-1L) |> List.toArray, 0L)

              let pair (a: torch.Tensor, b: torch.Tensor) = flat [ a; b ]

              for name, again in
                  [ "fgrad", fgrad potential >> pair
                    "fgradv", (fun x -> fgradv potential x x |> pair)
                    "fjacobian", fjacobian field >> pair
                    "fjacobian, by columns", fjacobian tall >> pair
                    "fjacobianv", (fun x -> fjacobianv field x x |> pair)
                    "fjacobianTv", (fun x -> fjacobianTv field x x |> pair)
                    "gradhessian", gradhessian potential >> pair
                    "gradhessianv", (fun x -> gradhessianv potential x x |> pair)
                    "flaplacian", flaplacian potential >> pair
                    "curldivergence", curldivergence field >> pair
                    "diffn", (fun x -> diffn 2 (fun t -> (x * t).sin () * t) x[0L])
                    "numgrad", numgrad 1e-2 potential ] do
                  let x = vector [ 0.5; -0.8; 1.1 ]
                  near 1e-7 name (numjacobian 1e-5 again x) (jacobian again x))

          test "f is evaluated once where it is known what the result hangs on, and once more to find out" (fun () ->
              let mutable calls = 0

              let counted f (x: torch.Tensor) : torch.Tensor =
                  calls <- calls + 1
                  f x

              let potential (x: torch.Tensor) = (x * x * x).sum ()
              let field (x: torch.Tensor) = x * x
              let v = vector [ 1.0; 2.0 ]
              let ignored (results: obj) = ignore results

              let forms: (string * (torch.Tensor -> unit)) list =
                  [ "grad", (fun x -> grad (counted potential) x |> ignored)
                    "fgrad", (fun x -> fgrad (counted potential) x |> ignored)
                    "gradv", (fun x -> gradv (counted potential) x v |> ignored)
                    "hessian", (fun x -> hessian (counted potential) x |> ignored)
                    "fhessian", (fun x -> fhessian (counted potential) x |> ignored)
                    "hessianv", (fun x -> hessianv (counted potential) x v |> ignored)
                    "gradhessian", (fun x -> gradhessian (counted potential) x |> ignored)
                    "fgradhessian", (fun x -> fgradhessian (counted potential) x |> ignored)
                    "gradhessianv", (fun x -> gradhessianv (counted potential) x v |> ignored)
                    "fgradhessianv", (fun x -> fgradhessianv (counted potential) x v |> ignored)
                    "laplacian", (fun x -> laplacian (counted potential) x |> ignored)
                    "jacobian", (fun x -> jacobian (counted field) x |> ignored)
                    "fjacobianv", (fun x -> fjacobianv (counted field) x v |> ignored)
                    "jacobianTv", (fun x -> jacobianTv (counted field) x v |> ignored)
                    "divergence", (fun x -> divergence (counted field) x |> ignored)
                    "diffn 3", (fun x -> diffn 3 (counted field) (x.sum ()) |> ignored) ]

              let callsOf (derive: torch.Tensor -> unit) x =
                  calls <- 0
                  derive x
                  calls

              for name, derive in forms do
                  Expect.equal (callsOf derive ((vector [ 0.5; 1.0 ]).requires_grad_ ())) 1 $"{name}: x has a graph"

                  let under = (use _ = torch.no_grad () in callsOf derive (vector [ 0.5; 1.0 ]))
                  Expect.equal under 1 $"{name}: under no_grad"
                  // What f captures can be known by a look at its result alone.
                  Expect.equal (callsOf derive (vector [ 0.5; 1.0 ])) 2 $"{name}: to find out")

          test "a captured parameter gets its gradient by backward" (fun () ->
              let weight = (scalar 5.0).requires_grad_ ()
              let derivative = diff (fun x -> x * x * weight) (scalar 3.0)
              derivative.backward ()
              same "2 x" (scalar 6.0) (gradientOf weight)

              let x = (vector [ 1.0; 2.0 ]).requires_grad_ ()
              (grad (fun x -> (x * square x).sum ()) x).sum().backward ()
              same "6 x" (vector [ 6.0; 12.0 ]) (gradientOf x)) ]

[<Tests>]
let degenerate =
    testList
        "degenerate functions"
        [ test "a constant has zero derivatives of the right shape" (fun () ->
              let x, v = vector [ 1.0; 2.0 ], vector [ 3.0; 4.0 ]

              let zeros (shape: int64 list) =
                  torch.zeros (List.toArray shape, torch.float64)

              for name, three, one in
                  [ "plain", vector [ 7.0; 8.0; 9.0 ], scalar 7.0
                    "with a graph", (vector [ 7.0; 8.0; 9.0 ]).requires_grad_ (), (scalar 7.0).requires_grad_ () ] do
                  same $"{name}: diff" (zeros [ 3 ]) (diff (fun _ -> three * 1.0) (scalar 1.0))
                  same $"{name}: diff2" (zeros []) (diff2 (fun _ -> one * 1.0) (scalar 1.0))
                  same $"{name}: grad" (zeros [ 2 ]) (grad (fun _ -> one) x)
                  same $"{name}: jacobian" (zeros [ 3; 2 ]) (jacobian (fun _ -> three) x)
                  same $"{name}: jacobianv" (zeros [ 3 ]) (jacobianv (fun _ -> three) x v)
                  same $"{name}: jacobianTv" (zeros [ 2 ]) (jacobianTv (fun _ -> three) x (vector [ 1.0; 1.0; 1.0 ]))
                  same $"{name}: hessian" (zeros [ 2; 2 ]) (hessian (fun _ -> one) x)
                  same $"{name}: laplacian" (zeros []) (laplacian (fun _ -> one) x)
                  same $"{name}: value" three (fjacobian (fun _ -> three) x |> fst))

          test "a linear function has a constant Jacobian and no Hessian" (fun () ->
              let matrix = torch.tensor (array2D [ [ 1.0; 2.0 ]; [ 3.0; 4.0 ]; [ 5.0; 6.0 ] ])
              let x, v = vector [ 1.0; -1.0 ], vector [ 2.0; 0.5 ]
              same "jacobian" matrix (jacobian matrix.mv x)
              same "jacobianv" (vector [ 3.0; 8.0; 13.0 ]) (jacobianv matrix.mv x v)
              same "hessian" (torch.zeros (2L, 2L, dtype = torch.float64)) (hessian (fun x -> (matrix.mv x).sum ()) x)
              same "hessianv" (vector [ 0.0; 0.0 ]) (hessianv (fun x -> (matrix.mv x).sum ()) x v)
              same "diff2" (scalar 0.0) (diff2 (fun x -> x * 3.0 + 1.0) (scalar 2.0)))

          test "the identity" (fun () ->
              let x, v = vector [ 1.0; -1.0 ], vector [ 2.0; 0.5 ]
              same "jacobian" (torch.eye (2L, dtype = torch.float64)) (jacobian id x)
              same "jacobianv" v (jacobianv id x v)
              same "diff" (scalar 1.0) (diff id (scalar 4.0))
              let value, _ = fgrad id (scalar 4.0)
              same "value" (scalar 4.0) value) ]

[<Tests>]
let refusals =
    let x () = vector [ 1.0; 2.0 ]
    let total (x: torch.Tensor) = x.sum ()

    testList
        "refused derivatives"
        [ refuses "grad of whole numbers" "x" "Int64" (fun () -> grad total (torch.tensor [| 1L; 2L |]) |> ignore)
          refuses "diff of a vector" "x" "(2)" (fun () -> diff id (x ()) |> ignore)
          refuses "grad of a matrix" "x" "(2, 2)" (fun () -> grad total (torch.ones (2L, 2L)) |> ignore)
          refuses "jacobian of a scalar" "x" "shape ()" (fun () -> jacobian id (scalar 1.0) |> ignore)
          refuses "jacobian of nothing" "x" "(0)" (fun () -> jacobian id (torch.zeros 0L) |> ignore)
          refuses "grad of a field" "f" "(2)" (fun () -> grad id (x ()) |> ignore)
          refuses "hessian of a field" "f" "(2)" (fun () -> hessian id (x ()) |> ignore)
          refuses "jacobian of a potential" "f" "shape ()" (fun () -> jacobian total (x ()) |> ignore)
          refuses "a whole-number value" "f" "Int64" (fun () ->
              diff (fun x -> x.``to`` (torch.int64)) (scalar 1.0) |> ignore)
          refuses "v of another shape" "v" "(3)" (fun () -> gradv total (x ()) (vector [ 1.0; 2.0; 3.0 ]) |> ignore)
          refuses "v of another dtype" "v" "Float32" (fun () -> hessianv total (x ()) (torch.ones 2L) |> ignore)
          refuses "v unlike f x" "v" "f x" (fun () -> jacobianTv total (x ()) (x ()) |> ignore)
          refuses "a negative order" "n" "-1" (fun () -> diffn -1 id (scalar 1.0) |> ignore)
          refuses "curl in the plane" "f" "(2, 2)" (fun () -> curl id (x ()) |> ignore)
          refuses "divergence of a tall Jacobian" "f" "(4, 2)" (fun () ->
              divergence (fun x -> torch.cat ([| x; x |], 0L)) (x ()) |> ignore)
          refuses "a step of zero" "epsilon" "0" (fun () -> numgrad 0.0 total (x ()) |> ignore)
          refuses "a step that is no number" "epsilon" "NaN" (fun () -> numjacobian nan id (x ()) |> ignore)
          refuses "numdiff of a vector" "x" "(2)" (fun () -> numdiff 1e-3 id (x ()) |> ignore)
          refuses "numjacobianv with v of another shape" "v" "(1)" (fun () ->
              numjacobianv 1e-3 id (x ()) (vector [ 1.0 ]) |> ignore)

          test "inference mode" (fun () ->
              use _ = torch.inference_mode true
              let work () = grad total (vector [ 1.0 ]) |> ignore
              Expect.throwsT<InvalidOperationException> work "autograd records nothing there") ]

/// One call of every kind of derivative, all their results in one list.
let private everyResult (x: torch.Tensor) =
    let potential (x: torch.Tensor) = (x.sin () * x).sum ()
    let field (x: torch.Tensor) = x.sin () * x
    let tall (x: torch.Tensor) = torch.cat ([| field x; x |], 0L)
    let t = scalar 0.5
    let pair (a: torch.Tensor, b: torch.Tensor) = [ a; b ]

    [ yield! ffdiffn 3 torch.sin t
      yield! pair (fgrad potential x)
      yield! pair (fgradv potential x x)
      yield! pair (fjacobian field x)
      yield! pair (fjacobian tall x)
      yield! pair (fjacobianv field x x)
      yield! pair (fjacobianTv field x x)
      yield! pair (gradhessian potential x)
      yield! pair (gradhessianv potential x x)
      yield! pair (flaplacian potential x)
      yield! pair (curldivergence field x)
      yield! pair (numgradhessian 1e-3 potential x)
      yield! pair (numcurldivergence 1e-3 field x)
      hessian potential x
      hessianv potential x x
      diffn 0 torch.sin t
      jacobian (grad potential) x
      diff (diff torch.sin) t
      t ]

[<Tests>]
let ownership =
    testList
        "what a derivative leaves behind"
        [ test "no graph in plain use" (fun () ->
              for result in everyResult (vector [ 1.0; 2.0; 3.0 ]) do
                  Expect.isFalse result.requires_grad "cut off"

              let parameter = (vector [ 1.0; 2.0; 3.0 ]).requires_grad_ ()
              use _ = torch.no_grad ()

              for result in everyResult parameter do
                  Expect.isFalse result.requires_grad "cut off under no_grad")

          test "x, v and grad mode are left as they were" (fun () ->
              let x, v = vector [ 1.0; 2.0 ], vector [ 3.0; 4.0 ]
              use _ = torch.no_grad ()
              let _, _, product = fgradhessianv rosenbrock x v
              // The Hessian at (1, 2) is ((402, -400), (-400, 200)).
              same "the product is right under no_grad" (vector [ -394.0; -400.0 ]) product
              Expect.isFalse (torch.is_grad_enabled ()) "no_grad still holds"
              Expect.isFalse (x.requires_grad || v.requires_grad) "no gradient asked for"
              Expect.isFalse (x.IsInvalid || v.IsInvalid) "not disposed"
              same "x" (vector [ 1.0; 2.0 ]) x)

          test "a captured value returned as it is survives the disposal of the result" (fun () ->
              let constant = vector [ 7.0; 8.0 ]
              let value, _ = fjacobian (fun _ -> constant) (vector [ 1.0; 2.0 ])
              value.Dispose()
              same "constant" (vector [ 7.0; 8.0 ]) constant)

          testCase "nothing but its results, without any dispose scope" (fun () ->
              use x = vector [ 1.0; 2.0; 3.0 ]

              let live () =
                  DisposeScopeManager.Statistics.ThreadTotalLiveCount

              let before = live ()

              for result in everyResult x do
                  result.Dispose()

              for refused in
                  [ (fun () -> curl (fun y -> torch.cat ([| y; y |], 0L)) x)
                    (fun () -> grad id x) ] do
                  Expect.throwsT<ArgumentException> (fun () -> refused () |> ignore) "refused"

              Expect.equal (live ()) before "live tensors")

          testSequenced
          <| test "resident memory stays flat over 1,200 gradients" (fun () ->
              // One forgotten tensor or graph per call would hold at least 64 MB after 400, in every round; what the runtime itself takes for
              // once, another round does not see again.
              let weight = torch.ones(20_000L, torch.float64).requires_grad_ ()
              let x = torch.ones (20_000L, torch.float64)
              let captured (x: torch.Tensor) = (square (x * weight)).sum ()
              let plain (x: torch.Tensor) = (x * x).sum ()

              let step () =
                  use _ = torch.NewDisposeScope()
                  grad plain x |> ignore
                  grad captured x |> ignore
                  grad (fun y -> (grad plain y).sum ()) x |> ignore

              let run steps =
                  for _ in 1..steps do
                      step ()

                  GC.Collect()
                  Environment.WorkingSet

              let least =
                  run 50 :: [ for _ in 1..3 -> run 400 ]
                  |> List.pairwise
                  |> List.map (fun (before, after) -> after - before)
                  |> List.min

              Expect.isLessThan least (24L * 1024L * 1024L) "bytes of growth") ]
