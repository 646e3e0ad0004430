/// Runs the passes over the weights on the threads that libtorch's own operations run on. After each of its operations those
/// threads wait in a busy loop for the next one, so threads of our own would have to share the cores with them.
module internal MappingNets.Core.TensorThreads

open System
open System.Collections.Concurrent
open System.Runtime.ExceptionServices
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open TorchSharp

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private Body = delegate of nativeint -> unit

/// GOMP_parallel of the OpenMP runtime: calls the body once on each thread of a team, the calling one among them.
[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private ParallelRegion = delegate of body: nativeint * data: nativeint * threads: uint32 * flags: uint32 -> unit

/// The OpenMP runtime that libtorch has loaded, by way of the library that links to it; null where it has another kind of threads.
let private region: ParallelRegion | null =
    let mutable library = 0n
    let mutable address = 0n

    if
        NativeLibrary.TryLoad("LibTorchSharp", typeof<torch>.Assembly, Nullable(), &library)
        && NativeLibrary.TryGetExport(library, "GOMP_parallel", &address)
    then
        Marshal.GetDelegateForFunctionPointer<ParallelRegion> address
    else
        null

/// Calls `work` on each of some threads at once and waits for all of them.
let private onAll (threads: int) (work: unit -> unit) =
    match region with
    | null -> Parallel.For(0, threads, (fun (_: int) -> work ())) |> ignore
    | region ->
        let failures = ConcurrentQueue<exn>()

        let body =
            Body(fun _ ->
                // No exception may leave a body that native code calls.
                try
                    work ()
                with failure ->
                    failures.Enqueue failure)

        region.Invoke(Marshal.GetFunctionPointerForDelegate body, 0n, uint32 threads, 0u)
        GC.KeepAlive body

        match failures.TryDequeue() with
        | true, failure -> ExceptionDispatchInfo.Throw failure
        | _ -> ()

/// Calls `action state isFront index` once for each index below `count`, on as many threads as libtorch uses, each with a state of its
/// own. A thread that is free takes the next index: the one at the front from 0 on, the others from the end backwards. Returns how
/// many the one at the front took.
let forEachWith
    (count: int)
    (newState: unit -> 'State when 'State :> IDisposable)
    (action: 'State -> bool -> int -> unit)
    =
    let arrived = [| 0 |]
    let taken = [| 0 |]
    let front = [| 0 |]
    let back = [| count |]

    onAll (min count (torch.get_num_threads ())) (fun () ->
        use state = newState ()
        let isFront = Interlocked.Increment(&arrived[0]) = 1

        while Interlocked.Increment(&taken[0]) <= count do
            let index =
                if isFront then
                    front[0]
                else
                    Interlocked.Decrement(&back[0])

            action state isFront index

            if isFront then
                front[0] <- index + 1)

    front[0]

/// Calls `action index` once for each index below `count`, on as many threads as libtorch uses.
let forEach (count: int) (action: int -> unit) =
    let noState () =
        { new IDisposable with
            member _.Dispose() = () }

    forEachWith count noState (fun _ _ index -> action index) |> ignore
