import{a as D,b as c,d as s,e as E,f as m,g as u,h as T,j as x}from"./shared-landing-space.js";import{B as k,c as n,e as p,g,i as v,n as t,o as h}from"./shared-editor-landing-space.js";var r=!1;function S(){let e=T();return n`
    <header class="top"><span class="mark"></span><b>${h.product}</b></header>
    <main>
      <div>
        <h1>${t.headline}</h1>
        <p class="lead">${t.lead}</p>
        <form @submit=${y}>
          <label>${t.spaceName}<input name="space" placeholder=${t.spaceExample} autocomplete="off" maxlength="120" autofocus></label>
          <div class="pair">
            <label>${t.yourName}<input name="name" .value=${m()} autocomplete="nickname" maxlength="40" placeholder=${t.nameExample}></label>
            <button class="big">${t.start}</button>
          </div>
        </form>
        <form class="join" @submit=${L}>
          <label>${t.haveLink}<input name="link" placeholder=${t.pasteHere} autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=${r} @paste=${H} @input=${()=>{r=!1,$()}}></label>
          ${r?n`<p role="alert">${t.notALink}</p>`:p}
        </form>
        ${e.length>0?n`<ul class="recent" aria-label=${t.recentSpaces}>${e.map(a=>n`
          <li><a href=${s(a.room)}>${v.page}<span dir="auto">${a.title||E(a.room)}</span><small>${k(new Date(a.at),new Date)}</small></a></li>`)}</ul>`:p}
      </div>
      ${w}
    </main>`}var{first:i,second:d,message:l}=t.picture,w=n`
  <div class="paper" aria-hidden="true">
    <h2>${t.picture.heading}</h2>
    <p>${i.before}<span class="selected c7">${i.selected}</span><span class="caret c7"><i>${i.person}</i></span>${i.after}</p>
    <p>${d.before}<span class="caret blink c4"><i>${d.person}</i></span>${d.after}</p>
    <div class="said"><span class="face c0" data-initials=${l.initials}></span><b>${l.person}</b><span><mark>${l.mention}</mark>${l.text}</span></div>
  </div>`;function y(e){e.preventDefault();let a=new FormData(e.currentTarget),o=f(a,"space");u(f(a,"name")||m());let b=D(o);x(b,o),location.assign(s(b))}function L(e){e.preventDefault(),F(f(new FormData(e.currentTarget),"link"))}function H(e){let a=e.clipboardData?.getData("text")??"";!a.includes("/s/")||c(a,location.origin)===null||(e.preventDefault(),F(a))}function F(e){if(e==="")return;let a=document.querySelector("input[name=name]")?.value.trim()??"";a!==""&&u(a);let o=c(e,location.origin);o!==null?location.assign(s(o)):(r=!0,$())}var f=(e,a)=>String(e.get(a)??"").trim();function $(){g(S(),document.body)}$();document.querySelector("input[name=space]")?.focus();
