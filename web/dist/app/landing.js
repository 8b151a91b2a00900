import{a as b,b as l,d as o,e as g,f as r,g as c,h as v,j as k}from"./shared-landing-space.js";import{c as a,e as s,g as d,i as f,u as h}from"./shared-editor-landing-space.js";var i=!1;function w(){let e=v();return a`
    <header class="top"><span class="mark"></span><b>Weft</b></header>
    <main>
      <div>
        <h1>Write it together, talk it through.</h1>
        <p class="lead">A page, the people on it, and the conversation beside it. No account needed.</p>
        <form @submit=${T}>
          <label>Space name<input name="space" placeholder="Bio 201, week 6" autocomplete="off" maxlength="120" autofocus></label>
          <div class="pair">
            <label>Your name<input name="name" .value=${r()} autocomplete="nickname" maxlength="40" placeholder="Nia"></label>
            <button class="big">Start a space</button>
          </div>
        </form>
        <form class="join" @submit=${S}>
          <label>Have a link or code?<input name="link" placeholder="Paste it here" autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=${i} @paste=${y} @input=${()=>{i=!1,m()}}></label>
          ${i?a`<p role="alert">That is no link or code of this server.</p>`:s}
        </form>
        ${e.length>0?a`<ul class="recent" aria-label="Recent spaces">${e.map(t=>a`
          <li><a href=${o(t.room)}>${f.page}<span dir="auto">${t.title||g(t.room)}</span><small>${h(new Date(t.at),new Date)}</small></a></li>`)}</ul>`:s}
      </div>
      ${D}
    </main>`}var D=a`
  <div class="paper" aria-hidden="true">
    <h2>Membranes &amp; transport</h2>
    <p>A cell membrane is not a wall. It is a <span class="selected c7">two-molecule-thick fluid</span><span class="caret c7"><i>Amara</i></span> that sorts what may pass.</p>
    <p>Proteins float in the sheet like boats; cholesterol keeps it from setting in the cold<span class="caret blink c4"><i>Jonas</i></span>.</p>
    <div class="said"><span class="face c0" data-initials="MK"></span><b>Mika</b><span><mark>@You</mark> can you take the pump? I’ll do diffusion tonight.</span></div>
  </div>`;function T(e){e.preventDefault();let t=new FormData(e.currentTarget),n=p(t,"space");c(p(t,"name")||r());let u=b(n);k(u,n),location.assign(o(u))}function S(e){e.preventDefault(),$(p(new FormData(e.currentTarget),"link"))}function y(e){let t=e.clipboardData?.getData("text")??"";!t.includes("/s/")||l(t,location.origin)===null||(e.preventDefault(),$(t))}function $(e){if(e==="")return;let t=document.querySelector("input[name=name]")?.value.trim()??"";t!==""&&c(t);let n=l(e,location.origin);n!==null?location.assign(o(n)):(i=!0,m())}var p=(e,t)=>String(e.get(t)??"").trim();function m(){d(w(),document.body)}m();document.querySelector("input[name=space]")?.focus();
